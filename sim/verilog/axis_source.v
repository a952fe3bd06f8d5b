// Plays the lines "<tlast> <tdata>" of a file as AXI4-Stream beats, at its own pace.
module axis_source #(
    parameter WIDTH = 8,
    parameter BEATS = "beats",
    parameter PACE = "pace"
) (
    input aclk,
    input aresetn,
    output reg [WIDTH-1:0] tdata,
    output reg tvalid,
    input tready,
    output reg tlast
);
  reg [WIDTH-1:0] next_data;
  reg next_last;
  integer file, found;
  wire go;

  axis_pace #(.FILE(PACE)) pace (.aclk(aclk), .aresetn(aresetn), .go(go));

  initial file = $fopen(BEATS, "r");

  always @(posedge aclk)
    if (!aresetn) tvalid <= 0;
    else if (tready || !tvalid) begin
      tvalid <= 0;
      if (go) begin
        found = $fscanf(file, "%b %h\n", next_last, next_data);
        tvalid <= found == 2;
        tdata <= next_data;
        tlast <= next_last;
      end
    end
endmodule
