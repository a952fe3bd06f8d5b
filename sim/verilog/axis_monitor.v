// Writes each beat of a stream to a file as "<cycle> <tlast> <tdata>", and each breach of the
// AXI4-Stream protocol by its sender as "<cycle> ! <breach>".
module axis_monitor #(
    parameter WIDTH = 8,
    parameter RECORD = "record"
) (
    input aclk,
    input aresetn,
    input [WIDTH-1:0] tdata,
    input tvalid,
    input tready,
    input tlast,
    output reg [31:0] beats
);
  reg [63:0] cycle;
  reg [WIDTH-1:0] held_data;
  reg held_last, held, was_reset;
  integer file;

  initial begin
    file = $fopen(RECORD, "w");
    was_reset = 0;
  end

  always @(posedge aclk) begin
    was_reset <= !aresetn;
    held <= aresetn && tvalid && !tready;
    held_data <= tdata;
    held_last <= tlast;
    if (!aresetn) begin
      beats <= 0;
      cycle <= 0;
      if (was_reset && tvalid) $fdisplay(file, "0 ! tvalid in reset");
    end else begin
      cycle <= cycle + 1;
      if (held && !tvalid) $fdisplay(file, "%0d ! tvalid dropped", cycle);
      if (held && tvalid && held_data != tdata) $fdisplay(file, "%0d ! tdata changed", cycle);
      if (held && tvalid && held_last != tlast) $fdisplay(file, "%0d ! tlast changed", cycle);
      if (tvalid && tready) begin
        beats <= beats + 1;
        $fdisplay(file, "%0d %b %h", cycle, tlast, tdata);
      end
    end
  end
endmodule
