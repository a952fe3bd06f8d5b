// Multiplier of an ECP5: two operands of 18 bits, each signed or not, and a product of 36.
//
// A register is there where its ..._CLK names one of CLK0..CLK3; its ..._CE and ..._RST name its
// enable and its reset, and the reset wins. Registers are 0 after configuration. A control that is
// left open reads 1: registers go on, or are held in reset. Signs travel with their operands.
// The shift chains, port C, and what an ALU54B takes are not modelled.
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE",
    parameter REG_INPUTA_CE = "CE0",
    parameter REG_INPUTA_RST = "RST0",
    parameter REG_INPUTB_CLK = "NONE",
    parameter REG_INPUTB_CE = "CE0",
    parameter REG_INPUTB_RST = "RST0",
    parameter REG_PIPELINE_CLK = "NONE",
    parameter REG_PIPELINE_CE = "CE0",
    parameter REG_PIPELINE_RST = "RST0",
    parameter REG_OUTPUT_CLK = "NONE",
    parameter REG_OUTPUT_CE = "CE0",
    parameter REG_OUTPUT_RST = "RST0",
    parameter CLK0_DIV = "ENABLED",
    parameter CLK1_DIV = "ENABLED",
    parameter CLK2_DIV = "ENABLED",
    parameter CLK3_DIV = "ENABLED",
    parameter GSR = "ENABLED",
    parameter SOURCEB_MODE = "B_SHIFT",
    parameter RESETMODE = "SYNC"
) (
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    input CLK0 = 1, CLK1 = 1, CLK2 = 1, CLK3 = 1,
    input CE0 = 1, CE1 = 1, CE2 = 1, CE3 = 1,
    input RST0 = 1, RST1 = 1, RST2 = 1, RST3 = 1,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19,
    P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
  wire [3:0] clk = {CLK3, CLK2, CLK1, CLK0};
  wire [3:0] ce = {CE3, CE2, CE1, CE0};
  wire [3:0] rst = {RST3, RST2, RST1, RST0};
  wire [17:0] a_pins = {
      A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0
  };
  wire [17:0] b_pins = {
      B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0
  };
  wire [17:0] a, b;
  wire a_signed, b_signed;
  wire [35:0] piped, p;
  wire signed [18:0] a_value = {a_signed & a[17], a};
  wire signed [18:0] b_value = {b_signed & b[17], b};
  wire signed [37:0] product = a_value * b_value;
  assign {
      P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
      P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
  } = p;

  ecp5_dsp_register #(19, REG_INPUTA_CLK, REG_INPUTA_CE, REG_INPUTA_RST, RESETMODE) input_a (
      .clk(clk), .ce(ce), .rst(rst), .d({SIGNEDA, a_pins}), .q({a_signed, a}));
  ecp5_dsp_register #(19, REG_INPUTB_CLK, REG_INPUTB_CE, REG_INPUTB_RST, RESETMODE) input_b (
      .clk(clk), .ce(ce), .rst(rst), .d({SIGNEDB, b_pins}), .q({b_signed, b}));
  ecp5_dsp_register #(36, REG_PIPELINE_CLK, REG_PIPELINE_CE, REG_PIPELINE_RST, RESETMODE) pipe (
      .clk(clk), .ce(ce), .rst(rst), .d(product[35:0]), .q(piped));
  ecp5_dsp_register #(36, REG_OUTPUT_CLK, REG_OUTPUT_CE, REG_OUTPUT_RST, RESETMODE) out (
      .clk(clk), .ce(ce), .rst(rst), .d(piped), .q(p));

  initial
    if (SOURCEB_MODE != "B_SHIFT") begin
      $display("%m: SOURCEB_MODE must be B_SHIFT, not %0s", SOURCEB_MODE);
      $finish;
    end
  always @(posedge SOURCEA or posedge SOURCEB) begin
    $display("%m: SOURCEA and SOURCEB must be 0, the shift chains are not modelled");
    $finish;
  end
endmodule

// Register between the pins of a MULT18X18D, or a wire where CLK is "NONE".
module ecp5_dsp_register #(
    parameter WIDTH = 18,
    parameter CLK = "NONE",
    parameter CE = "CE0",
    parameter RST = "RST0",
    parameter RESETMODE = "SYNC"
) (
    input [3:0] clk, ce, rst,
    input [WIDTH-1:0] d,
    output [WIDTH-1:0] q
);
  generate
    if (CLK == "NONE") assign q = d;
    else begin : registered
      reg [WIDTH-1:0] held;
      wire tick = clk[CLK == "CLK1" ? 1 : CLK == "CLK2" ? 2 : CLK == "CLK3" ? 3 : 0];
      wire go = ce[CE == "CE1" ? 1 : CE == "CE2" ? 2 : CE == "CE3" ? 3 : 0];
      wire clear = rst[RST == "RST1" ? 1 : RST == "RST2" ? 2 : RST == "RST3" ? 3 : 0];
      initial held = 0;
      assign q = held;
      if (RESETMODE == "ASYNC") begin : asynchronous
        always @(posedge tick or posedge clear)
          if (clear) held <= 0;
          else if (go) held <= d;
      end else begin : synchronous
        always @(posedge tick)
          if (clear) held <= 0;
          else if (go) held <= d;
      end
    end
  endgenerate
endmodule
