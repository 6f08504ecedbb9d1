// The value types of emitted code: handles to LLVM values that read like the scalars they stand for.
// Operators emit instructions where the builder stands. The names are those that the templates of
// runtime/vector_math.h (T = F32) and runtime/counter_random.h (U = U32, W = Index) look up by argument.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace llvm {
class Value;
}

namespace kiln::codegen {

class KernelBuilder;

// A handle is copied freely and never outlives its builder. Mixing lane counts is an error of the emitter (throws).
struct Handle {
  KernelBuilder* builder = nullptr;
  llvm::Value* value = nullptr;

  explicit operator bool() const { return value != nullptr; }
};

// A 64-bit integer: loop counters, offsets in elements, keys. + - * wrap. Comparisons, min and max are signed.
// / % >> take their operands as unsigned, so they are for values that cannot be negative (and for keys).
struct Index : Handle {};

// One bit that control flow and scalar selects depend on.
struct Condition : Handle {};

// One bit a lane.
struct Mask : Handle {
  int32_t lanes = 0;
};

// `lanes` f32 values; one lane is a plain scalar. Nothing is reassociated or contracted but by mul_add.
struct F32 : Handle {
  int32_t lanes = 0;
};

// `lanes` 32-bit integers; + - * << wrap, >> is arithmetic in I32 and logical in U32.
struct I32 : Handle {
  int32_t lanes = 0;
};
struct U32 : Handle {
  int32_t lanes = 0;
};

// --- Index -----------------------------------------------------------------------------------------------------

Index operator+(Index a, Index b);
Index operator-(Index a, Index b);
Index operator*(Index a, Index b);
Index operator/(Index a, Index b);
Index operator%(Index a, Index b);
Index operator^(Index a, Index b);
Index operator&(Index a, Index b);
Index operator|(Index a, Index b);
Index operator<<(Index a, Index b);
Index operator>>(Index a, Index b);
Condition operator==(Index a, Index b);
Condition operator!=(Index a, Index b);
Condition operator<(Index a, Index b);
Condition operator<=(Index a, Index b);
Condition operator>(Index a, Index b);
Condition operator>=(Index a, Index b);
Index min(Index a, Index b);
Index max(Index a, Index b);

Index operator+(Index a, int64_t b);
Index operator-(Index a, int64_t b);
Index operator*(Index a, int64_t b);
Index operator/(Index a, int64_t b);
Index operator%(Index a, int64_t b);
Index operator^(Index a, int64_t b);
Index operator&(Index a, int64_t b);
Index operator|(Index a, int64_t b);
Index operator<<(Index a, int64_t b);
Index operator>>(Index a, int64_t b);
Condition operator==(Index a, int64_t b);
Condition operator!=(Index a, int64_t b);
Condition operator<(Index a, int64_t b);
Condition operator<=(Index a, int64_t b);
Condition operator>(Index a, int64_t b);
Condition operator>=(Index a, int64_t b);
Index min(Index a, int64_t b);
Index max(Index a, int64_t b);
Index operator+(int64_t a, Index b);
Index operator-(int64_t a, Index b);
Index operator*(int64_t a, Index b);

Index like(Index x, uint64_t constant);
Index select(Condition condition, Index if_true, Index if_false);
U32 low_u32(Index x);  // bits 0..31, one lane
U32 high_u32(Index x); // bits 32..63, one lane
F32 to_float(Index x); // signed, one lane

// --- Condition, Mask -------------------------------------------------------------------------------------------

Condition operator&(Condition a, Condition b);
Condition operator|(Condition a, Condition b);
Condition operator!(Condition a);

Mask operator&(Mask a, Mask b);
Mask operator|(Mask a, Mask b);
Mask operator!(Mask a);
Condition extract(Mask mask, int32_t lane);

// --- F32 -------------------------------------------------------------------------------------------------------

F32 operator+(F32 a, F32 b);
F32 operator-(F32 a, F32 b);
F32 operator*(F32 a, F32 b);
F32 operator/(F32 a, F32 b);
F32 operator-(F32 a);
F32 operator+(F32 a, float b);
F32 operator-(F32 a, float b);
F32 operator*(F32 a, float b);
F32 operator/(F32 a, float b);
F32 operator+(float a, F32 b);
F32 operator-(float a, F32 b);
F32 operator*(float a, F32 b);
F32 operator/(float a, F32 b);
Mask operator<(F32 a, F32 b);
Mask operator<=(F32 a, F32 b);
Mask operator>(F32 a, F32 b);
Mask operator>=(F32 a, F32 b);
Mask operator==(F32 a, F32 b); // false for NaN
Mask operator!=(F32 a, F32 b); // true for NaN
Mask operator<(F32 a, float b);
Mask operator<=(F32 a, float b);
Mask operator>(F32 a, float b);
Mask operator>=(F32 a, float b);
Mask operator==(F32 a, float b);
Mask operator!=(F32 a, float b);

// a * b + c: one rounding where the target has FMA, two elsewhere. The level, not the machine, decides.
F32 mul_add(F32 a, F32 b, F32 c);
F32 min(F32 a, F32 b); // a < b ? a : b, so b where either is NaN
F32 max(F32 a, F32 b); // a > b ? a : b, so b where either is NaN
F32 abs(F32 a);
F32 sqrt(F32 a); // correctly rounded
F32 select(Mask mask, F32 if_true, F32 if_false);
F32 select(Condition condition, F32 if_true, F32 if_false);

F32 like(F32 x, double constant); // the constant, rounded to f32, in as many lanes as x has
F32 broadcast(F32 one_lane, int32_t lanes);
F32 extract(F32 x, int32_t lane);
F32 insert(F32 x, int32_t lane, F32 one_lane);
F32 shuffle(F32 x, std::initializer_list<int32_t> lanes); // result lane i = x lane lanes[i]
F32 low_lanes(F32 x, int32_t lanes);                      // the first ones: no instruction
// All lanes to one, in a fixed tree: upper half onto lower half, repeated. Lane counts are powers of two.
F32 sum_lanes(F32 x);
F32 max_lanes(F32 x);

// Nearest integer, ties to even; exact for |x| < 2^22 and meaningless beyond.
I32 round_to_int(F32 x);
U32 bit_cast_to_int(F32 x);
F32 bit_cast_to_float(I32 x);
F32 bit_cast_to_float(U32 x);
F32 to_float(I32 x);
F32 to_float(U32 x); // as a signed integer: one instruction at every level

// --- I32, U32 --------------------------------------------------------------------------------------------------

I32 operator+(I32 a, I32 b);
I32 operator-(I32 a, I32 b);
I32 operator*(I32 a, I32 b);
I32 operator&(I32 a, I32 b);
I32 operator|(I32 a, I32 b);
I32 operator^(I32 a, I32 b);
I32 operator+(I32 a, int32_t b);
I32 operator-(I32 a, int32_t b);
I32 operator*(I32 a, int32_t b);
I32 operator&(I32 a, int32_t b);
I32 operator|(I32 a, int32_t b);
I32 operator^(I32 a, int32_t b);
I32 operator<<(I32 a, int32_t bits);
I32 operator>>(I32 a, int32_t bits);
Mask operator==(I32 a, I32 b);
Mask operator!=(I32 a, I32 b);
Mask operator<(I32 a, I32 b);
Mask operator<=(I32 a, I32 b);
Mask operator>(I32 a, I32 b);
Mask operator>=(I32 a, I32 b);
Mask operator==(I32 a, int32_t b);
Mask operator!=(I32 a, int32_t b);
Mask operator<(I32 a, int32_t b);
Mask operator<=(I32 a, int32_t b);
Mask operator>(I32 a, int32_t b);
Mask operator>=(I32 a, int32_t b);
I32 select(Mask mask, I32 if_true, I32 if_false);
I32 like(I32 x, int32_t constant);
I32 broadcast(I32 one_lane, int32_t lanes);
I32 extract(I32 x, int32_t lane);
Index to_index(I32 one_lane); // sign-extended

U32 operator+(U32 a, U32 b);
U32 operator-(U32 a, U32 b);
U32 operator*(U32 a, U32 b);
U32 operator&(U32 a, U32 b);
U32 operator|(U32 a, U32 b);
U32 operator^(U32 a, U32 b);
U32 operator+(U32 a, uint32_t b);
U32 operator-(U32 a, uint32_t b);
U32 operator*(U32 a, uint32_t b);
U32 operator&(U32 a, uint32_t b);
U32 operator|(U32 a, uint32_t b);
U32 operator^(U32 a, uint32_t b);
U32 operator<<(U32 a, int32_t bits);
U32 operator>>(U32 a, int32_t bits);
Mask operator==(U32 a, U32 b);
Mask operator!=(U32 a, U32 b);
Mask operator<(U32 a, U32 b);
Mask operator<=(U32 a, U32 b);
Mask operator>(U32 a, U32 b);
Mask operator>=(U32 a, U32 b);
Mask operator<(U32 a, uint32_t b);
Mask operator>=(U32 a, uint32_t b);
U32 mul_hi(U32 a, U32 b); // bits 32..63 of the product
U32 select(Mask mask, U32 if_true, U32 if_false);
U32 like(U32 x, uint32_t constant);
U32 broadcast(U32 one_lane, int32_t lanes);
U32 extract(U32 x, int32_t lane);
I32 as_signed(U32 x);
U32 as_unsigned(I32 x);
Index to_index(U32 one_lane); // zero-extended

} // namespace kiln::codegen
