// Plays a file as axis_source does, once so many beats have moved on another stream as AFTER says.
module axis_later #(
    parameter WIDTH = 8,
    parameter BEATS = "beats",
    parameter PACE = "pace",
    parameter AFTER = "after"
) (
    input aclk,
    input aresetn,
    input [31:0] beats,
    output [WIDTH-1:0] tdata,
    output tvalid,
    input tready,
    output tlast
);
  reg [31:0] after;
  integer file, found;

  initial begin
    file  = $fopen(AFTER, "r");
    found = $fscanf(file, "%d", after);
  end

  axis_source #(.WIDTH(WIDTH), .BEATS(BEATS), .PACE(PACE)) source (
      .aclk(aclk), .aresetn(aresetn && beats >= after), .tdata(tdata), .tvalid(tvalid),
      .tready(tready), .tlast(tlast));
endmodule
