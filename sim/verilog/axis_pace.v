// Says in which cycles a stream may move: lines "<cycles to go> <cycles to stop>" of a file, over
// and over.
module axis_pace #(
    parameter FILE = "pace"
) (
    input aclk,
    input aresetn,
    output reg go
);
  reg [31:0] left, stop, next_go, next_stop;
  integer file, found;

  initial file = $fopen(FILE, "r");

  always @(posedge aclk)
    if (!aresetn) begin
      go <= 0;
      left <= 0;
      stop <= 0;
    end else if (left > 1) left <= left - 1;
    else if (go && stop != 0) begin
      go <= 0;
      left <= stop;
    end else begin
      found = $fscanf(file, "%d %d\n", next_go, next_stop);
      if (found != 2) begin
        found = $rewind(file);
        found = $fscanf(file, "%d %d\n", next_go, next_stop);
      end
      go <= 1;
      left <= next_go;
      stop <= next_stop;
    end
endmodule
