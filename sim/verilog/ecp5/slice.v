// What slices of an ECP5 hold: tables of four inputs and their multiplexers, carry cells,
// flip-flops and distributed memory.

// Table of four inputs; D is the most significant one of the address in INIT.
module LUT4 #(
    parameter [15:0] INIT = 0
) (
    input A, B, C, D,
    output Z
);
  assign Z = INIT[{D, C, B, A}];
endmodule

// Multiplexer of two LUT4s.
module PFUMX (
    input ALUT, BLUT, C0,
    output Z
);
  assign Z = C0 ? ALUT : BLUT;
endmodule

// Multiplexer of two PFUMX or L6MUX21.
module L6MUX21 (
    input D0, D1, SD,
    output Z
);
  assign Z = SD ? D1 : D0;
endmodule

// Two bits of a carry chain. Of each table, the whole says whether a carry passes on, the four
// lowest entries, by A and B alone, say what is carried else. INJECT1 cuts the chain off: no carry
// enters the sum, and none is made but by passing.
module CCU2C #(
    parameter [15:0] INIT0 = 0, INIT1 = 0,
    parameter INJECT1_0 = "YES", INJECT1_1 = "YES"
) (
    input CIN,
    input A0, B0, C0, D0, A1, B1, C1, D1,
    output S0, S1, COUT
);
  wire passes_0 = INIT0[{D0, C0, B0, A0}];
  wire passes_1 = INIT1[{D1, C1, B1, A1}];
  wire makes_0 = INJECT1_0 != "YES" && INIT0[{2'b0, B0, A0}];
  wire makes_1 = INJECT1_1 != "YES" && INIT1[{2'b0, B1, A1}];
  wire carry = passes_0 ? CIN : makes_0;
  assign S0 = passes_0 ^ (INJECT1_0 != "YES" && CIN);
  assign S1 = passes_1 ^ (INJECT1_1 != "YES" && carry);
  assign COUT = passes_1 ? carry : makes_1;
endmodule

// Flip-flop. LSR sets it to REGSET or, with LSRMODE "PRLD", to M: at the clock, where it wins over
// CE (SRMODE "LSR_OVER_CE"), or at once ("ASYNC"). It begins as REGSET says, which GSR would bring
// back.
module TRELLIS_FF #(
    parameter GSR = "ENABLED",
    parameter CEMUX = "1",
    parameter CLKMUX = "CLK",
    parameter LSRMUX = "LSR",
    parameter LSRMODE = "LSR",
    parameter SRMODE = "LSR_OVER_CE",
    parameter REGSET = "RESET"
) (
    input CLK, CE,
    input LSR = 0,
    input DI, M,
    output reg Q
);
  wire clk = CLKMUX == "INV" ? !CLK : CLK;
  wire ce = CEMUX == "1" ? 1'b1 : CEMUX == "0" ? 1'b0 : CEMUX == "INV" ? !CE : CE;
  wire lsr = LSRMUX == "INV" ? !LSR : LSR;
  wire value = LSRMODE == "PRLD" ? M : REGSET == "SET";
  initial Q = REGSET == "SET";
  generate
    if (SRMODE == "ASYNC") begin : asynchronous
      always @(posedge clk or posedge lsr)
        if (lsr) Q <= value;
        else if (ce) Q <= DI;
    end else begin : synchronous
      always @(posedge clk)
        if (lsr) Q <= value;
        else if (ce) Q <= DI;
    end
  endgenerate
endmodule

// Distributed memory of 16 words of 4 bits: written at the clock, read at once.
module TRELLIS_DPR16X4 #(
    parameter WCKMUX = "WCK",
    parameter WREMUX = "WRE",
    parameter [63:0] INITVAL = 0
) (
    input [3:0] DI, WAD, RAD,
    input WRE, WCK,
    output [3:0] DO
);
  reg [3:0] words[0:15];
  wire clk = WCKMUX == "INV" ? !WCK : WCK;
  wire we = WREMUX == "1" ? 1'b1 : WREMUX == "0" ? 1'b0 : WREMUX == "INV" ? !WRE : WRE;
  integer n;
  initial for (n = 0; n < 16; n = n + 1) words[n] = INITVAL[4*n+:4];
  always @(posedge clk) if (we) words[WAD] <= DI;
  assign DO = words[RAD];
endmodule
