// Block RAM of an ECP5: 2048 bytes of 9 bits between two ports, and registers behind their reads.
//
// A port of 18 bits takes a word of two bytes at address bits 13..4, and bits 1 and 0 enable the
// bytes that it writes; one of 9 takes a byte at 13..3. One of 4, 2 or 1 takes a part of a byte,
// whose ninth bit it does not reach. DATA_WIDTH_A = 36 makes port A write four bytes, the upper two
// by DIB, with enables in ADA3..ADA0, and port B read. What port B then reads comes out of DOB, and
// of 36 bits the lower half out of DOA.
//
// A write leaves what its port has read (NORMAL), reads what it wrote (WRITETHROUGH) or what it
// overwrote (READBEFOREWRITE). CE stops a port, OCE its output register. RST clears both registers
// and, where synchronous, keeps the port from writing.
//
// Both ports are taken to have one clock. A word that one port reads while the other one writes any
// of its bits is not defined, nor is a byte that both write: here these are random. Left open, CE
// and OCE read 1, other controls 0. Word n of the initial values lies in bits 20n .. 20n+17 of all
// INITVALs.
module DP16KD #(
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG",
    parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC",
    parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000",
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL",
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB",
    parameter GSR = "ENABLED", INIT_DATA = "STATIC", WID = 0,
    parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0,
    parameter [319:0] INITVAL_04 = 0, INITVAL_05 = 0, INITVAL_06 = 0, INITVAL_07 = 0,
    parameter [319:0] INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0,
    parameter [319:0] INITVAL_0C = 0, INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0,
    parameter [319:0] INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0,
    parameter [319:0] INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0,
    parameter [319:0] INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0,
    parameter [319:0] INITVAL_1C = 0, INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0,
    parameter [319:0] INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0, INITVAL_23 = 0,
    parameter [319:0] INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0,
    parameter [319:0] INITVAL_28 = 0, INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0,
    parameter [319:0] INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0,
    parameter [319:0] INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0,
    parameter [319:0] INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0, INITVAL_37 = 0,
    parameter [319:0] INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0,
    parameter [319:0] INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0
) (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5,
    DIA4, DIA3, DIA2, DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CLKA = 0, CEA = 1, OCEA = 1, WEA = 0, RSTA = 0, CSA2 = 0, CSA1 = 0, CSA0 = 0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
    DOA4, DOA3, DOA2, DOA1, DOA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
    DIB4, DIB3, DIB2, DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CLKB = 0, CEB = 1, OCEB = 1, WEB = 0, RSTB = 0, CSB2 = 0, CSB1 = 0, CSB0 = 0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
    DOB4, DOB3, DOB2, DOB1, DOB0
);
  localparam PSEUDO = DATA_WIDTH_A == 36;
  localparam [20479:0] INIT = {
      INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39,
      INITVAL_38, INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32,
      INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B,
      INITVAL_2A, INITVAL_29, INITVAL_28, INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24,
      INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E, INITVAL_1D,
      INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16,
      INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F,
      INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
      INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01,
      INITVAL_00
  };
  wire clk_a = CLKAMUX == "INV" ? !CLKA : CLKA;
  wire clk_b = CLKBMUX == "INV" ? !CLKB : CLKB;
  wire [13:0] ad_a = {
      ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0
  };
  wire [13:0] ad_b = {
      ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0
  };
  wire [17:0] di_a = {
      DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
      DIA3, DIA2, DIA1, DIA0
  };
  wire [17:0] di_b = {
      DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
      DIB3, DIB2, DIB1, DIB0
  };
  wire on_a = CEA && !(CSA2 || CSA1 || CSA0);
  wire on_b = CEB && !(CSB2 || CSB1 || CSB0);
  wire we_a = on_a && (PSEUDO || WEA && !(RESETMODE == "SYNC" && RSTA));
  wire we_b = on_b && !PSEUDO && WEB && !(RESETMODE == "SYNC" && RSTB);

  // Each port sees the 36 bits of the four bytes among which are its own.
  wire [35:0] all_a, all_b, put_a, put_b, bits_a, bits_b, uses_a, uses_b;
  wire [5:0] at_a, at_b;
  ecp5_block_ram_place #(DATA_WIDTH_A) place_a (
      .address(ad_a), .at(at_a), .uses(uses_a), .written(bits_a));
  ecp5_block_ram_place #(DATA_WIDTH_B) place_b (
      .address(ad_b), .at(at_b), .uses(uses_b), .written(bits_b));
  assign put_a = (PSEUDO ? {di_b, di_a} : {18'b0, di_a}) << at_a;
  assign put_b = {18'b0, di_b} << at_b;

  // verilator lint_off MULTIDRIVEN
  reg [8:0] bytes[0:2047];
  // verilator lint_on MULTIDRIVEN
  integer n;
  initial for (n = 0; n < 1024; n = n + 1) {bytes[2*n+1], bytes[2*n]} = INIT[20*n+:18];
  wire [8:0] row_a = ad_a[13:5], row_b = ad_b[13:5];
  assign all_a = {
      bytes[{row_a, 2'd3}], bytes[{row_a, 2'd2}], bytes[{row_a, 2'd1}], bytes[{row_a, 2'd0}]
  };
  assign all_b = {
      bytes[{row_b, 2'd3}], bytes[{row_b, 2'd2}], bytes[{row_b, 2'd1}], bytes[{row_b, 2'd0}]
  };
  wire [35:0] new_a = all_a & ~bits_a | put_a & bits_a;
  wire [35:0] new_b = all_b & ~bits_b | put_b & bits_b;
  wire [3:0] writes_a = we_a ? {|bits_a[35:27], |bits_a[26:18], |bits_a[17:9], |bits_a[8:0]} : 4'b0;
  wire [3:0] writes_b = we_b ? {|bits_b[35:27], |bits_b[26:18], |bits_b[17:9], |bits_b[8:0]} : 4'b0;
  wire [3:0] meets_a = row_a == row_b ? writes_b : 4'b0;  // bytes of this row that B writes
  wire [3:0] meets_b = row_a == row_b ? writes_a : 4'b0;

  integer byte_a, byte_b;
  always @(posedge clk_a)
    for (byte_a = 0; byte_a < 4; byte_a = byte_a + 1)
      if (writes_a[byte_a])
        bytes[{row_a, byte_a[1:0]}] <= meets_a[byte_a] ? $random : new_a[9*byte_a+:9];
  always @(posedge clk_b)
    for (byte_b = 0; byte_b < 4; byte_b = byte_b + 1)
      if (writes_b[byte_b])
        bytes[{row_b, byte_b[1:0]}] <= meets_b[byte_b] ? $random : new_b[9*byte_b+:9];

  wire [35:0] out_a, out_b;
  ecp5_block_ram_read #(DATA_WIDTH_A, WRITEMODE_A, REGMODE_A, RESETMODE) read_a (
      .clk(clk_a), .on(on_a && !PSEUDO), .oce(OCEA), .rst(RSTA), .we(WEA),
      .unknown(row_a == row_b && we_b && |(bits_b & uses_a)),
      .old(all_a >> at_a), .now(new_a >> at_a), .out(out_a));
  ecp5_block_ram_read #(DATA_WIDTH_B, WRITEMODE_B, REGMODE_B, RESETMODE) read_b (
      .clk(clk_b), .on(on_b), .oce(OCEB), .rst(RSTB), .we(WEB && !PSEUDO),
      .unknown(row_a == row_b && we_a && |(bits_a & uses_b)),
      .old(all_b >> at_b), .now(new_b >> at_b), .out(out_b));
  assign {
      DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4,
      DOA3, DOA2, DOA1, DOA0
  } = PSEUDO ? (DATA_WIDTH_B == 36 ? out_b[17:0] : 18'b0) : out_a[17:0];
  assign {
      DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4,
      DOB3, DOB2, DOB1, DOB0
  } = DATA_WIDTH_B == 36 ? out_b[35:18] : out_b[17:0];

  initial
    if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000") begin
      $display("%m: CSDECODE must be 0b000, not %0s and %0s", CSDECODE_A, CSDECODE_B);
      $finish;
    end
endmodule

// Where the bits of a port lie among those of four bytes, which they are and which of them it may
// write.
module ecp5_block_ram_place #(
    parameter WIDTH = 18
) (
    input [13:0] address,
    output [5:0] at,
    output [35:0] uses, written
);
  wire [5:0] first = {1'b0, address[4:3], 3'b0} + {4'b0, address[4:3]};  // of the byte: 9 times
  wire [5:0] part = WIDTH == 4 ? {3'b0, address[2], 2'b0}
                  : WIDTH == 2 ? {3'b0, address[2:1], 1'b0}
                  : WIDTH == 1 ? {3'b0, address[2:0]} : 6'd0;
  wire [5:0] half = address[4] ? 6'd18 : 6'd0;
  wire [3:0] enables = WIDTH == 36 ? address[3:0] : WIDTH == 18 ? {2'b0, address[1:0]} : 4'b1;
  wire [35:0] enabled = {
      {9{enables[3]}}, {9{enables[2]}}, {9{enables[1]}}, {9{enables[0]}}
  };
  wire [35:0] bits = WIDTH >= 18 ? enabled : (36'd1 << WIDTH) - 36'd1;
  assign at = WIDTH == 36 ? 6'd0 : WIDTH == 18 ? half : first + part;
  assign uses = (WIDTH == 36 ? ~36'd0 : (36'd1 << WIDTH) - 36'd1) << at;
  assign written = bits << at;
endmodule

// What a port has read, and its output register.
module ecp5_block_ram_read #(
    parameter WIDTH = 18,
    parameter WRITEMODE = "NORMAL",
    parameter REGMODE = "NOREG",
    parameter RESETMODE = "SYNC"
) (
    input clk, on, oce, rst, we, unknown,
    input [35:0] old, now,
    output [35:0] out
);
  localparam [35:0] USED = WIDTH == 36 ? ~36'd0 : (36'd1 << WIDTH) - 36'd1;
  reg [35:0] latch, register;
  wire reads = on && !(we && WRITEMODE == "NORMAL");
  wire [35:0] found = we && WRITEMODE == "WRITETHROUGH" ? now : old;
  initial begin
    latch = 0;
    register = 0;
  end
  assign out = REGMODE == "OUTREG" ? register : latch;
  generate
    if (RESETMODE == "ASYNC") begin : asynchronous
      always @(posedge clk or posedge rst)
        if (rst) begin
          latch <= 0;
          register <= 0;
        end else begin
          if (reads) latch <= USED & (unknown ? {$random, $random} : found);
          if (oce) register <= latch;
        end
    end else begin : synchronous
      always @(posedge clk)
        if (rst) begin
          latch <= 0;
          register <= 0;
        end else begin
          if (reads) latch <= USED & (unknown ? {$random, $random} : found);
          if (oce) register <= latch;
        end
    end
  endgenerate
endmodule
