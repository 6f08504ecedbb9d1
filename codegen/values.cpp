// Emission of the operators on value handles.
#include "codegen/values.h"

#include "codegen/kernel_builder_impl.h"

#include <functional>
#include <string>

namespace kiln::codegen {

namespace {

using Ir = llvm::IRBuilder<>;

Ir& at(Handle a) {
  if (a.builder == nullptr || a.value == nullptr) throw CodegenError("emission used a value that was never set");
  return a.builder->impl().ir;
}

Ir& at(Handle a, Handle b) {
  if (b.value == nullptr) throw CodegenError("emission used a value that was never set");
  return at(a);
}

template <typename T> Ir& same_lanes(T a, T b) {
  if (a.lanes != b.lanes)
    throw CodegenError("emission mixed " + std::to_string(a.lanes) + " and " + std::to_string(b.lanes) + " lanes");
  return at(a, b);
}

template <typename T> T with_value(T shape, llvm::Value* value) {
  shape.value = value;
  return shape;
}

Condition condition_of(Handle a, llvm::Value* value) { return {{a.builder, value}}; }
Index index_of(Handle a, llvm::Value* value) { return {{a.builder, value}}; }
template <typename T> Mask mask_of(T a, llvm::Value* value) { return {{a.builder, value}, a.lanes}; }

Index constant(Index x, int64_t value) { return index_of(x, at(x).getInt64(static_cast<uint64_t>(value))); }

template <typename T> T lane_constant(T x, uint32_t bits) {
  Ir& ir = at(x);
  return with_value(x, x.builder->impl().splat(ir.getInt32(bits), x.lanes));
}

template <typename T> T choose(Mask mask, T if_true, T if_false) {
  Ir& ir = same_lanes(if_true, if_false);
  if (mask.lanes != if_true.lanes) throw CodegenError("select: mask and values have different lanes");
  return with_value(if_true, ir.CreateSelect(mask.value, if_true.value, if_false.value));
}

template <typename T> T splat_of(T x, int32_t lanes) {
  if (x.lanes == lanes) return x;
  if (x.lanes != 1) throw CodegenError("broadcast takes one lane");
  T result = with_value(x, at(x).CreateVectorSplat(static_cast<unsigned>(lanes), x.value));
  result.lanes = lanes;
  return result;
}

template <typename T> T lane_of(T x, int32_t lane) {
  if (lane < 0 || lane >= x.lanes) throw CodegenError("extract: no such lane");
  if (x.lanes == 1) return x;
  T result = with_value(x, at(x).CreateExtractElement(x.value, static_cast<uint64_t>(lane)));
  result.lanes = 1;
  return result;
}

llvm::Type* i32_type(Ir& ir, int32_t lanes) {
  return lanes == 1 ? static_cast<llvm::Type*>(ir.getInt32Ty())
                    : llvm::FixedVectorType::get(ir.getInt32Ty(), static_cast<unsigned>(lanes));
}
llvm::Type* i64_type(Ir& ir, int32_t lanes) {
  return lanes == 1 ? static_cast<llvm::Type*>(ir.getInt64Ty())
                    : llvm::FixedVectorType::get(ir.getInt64Ty(), static_cast<unsigned>(lanes));
}
llvm::Type* f32_type(Ir& ir, int32_t lanes) {
  return lanes == 1 ? ir.getFloatTy() : llvm::FixedVectorType::get(ir.getFloatTy(), static_cast<unsigned>(lanes));
}

} // namespace

// --- Index -----------------------------------------------------------------------------------------------------

Index operator+(Index a, Index b) { return index_of(a, at(a, b).CreateAdd(a.value, b.value)); }
Index operator-(Index a, Index b) { return index_of(a, at(a, b).CreateSub(a.value, b.value)); }
Index operator*(Index a, Index b) { return index_of(a, at(a, b).CreateMul(a.value, b.value)); }
Index operator/(Index a, Index b) { return index_of(a, at(a, b).CreateUDiv(a.value, b.value)); }
Index operator%(Index a, Index b) { return index_of(a, at(a, b).CreateURem(a.value, b.value)); }
Index operator^(Index a, Index b) { return index_of(a, at(a, b).CreateXor(a.value, b.value)); }
Index operator&(Index a, Index b) { return index_of(a, at(a, b).CreateAnd(a.value, b.value)); }
Index operator|(Index a, Index b) { return index_of(a, at(a, b).CreateOr(a.value, b.value)); }
Index operator<<(Index a, Index b) { return index_of(a, at(a, b).CreateShl(a.value, b.value)); }
Index operator>>(Index a, Index b) { return index_of(a, at(a, b).CreateLShr(a.value, b.value)); }
Condition operator==(Index a, Index b) { return condition_of(a, at(a, b).CreateICmpEQ(a.value, b.value)); }
Condition operator!=(Index a, Index b) { return condition_of(a, at(a, b).CreateICmpNE(a.value, b.value)); }
Condition operator<(Index a, Index b) { return condition_of(a, at(a, b).CreateICmpSLT(a.value, b.value)); }
Condition operator<=(Index a, Index b) { return condition_of(a, at(a, b).CreateICmpSLE(a.value, b.value)); }
Condition operator>(Index a, Index b) { return condition_of(a, at(a, b).CreateICmpSGT(a.value, b.value)); }
Condition operator>=(Index a, Index b) { return condition_of(a, at(a, b).CreateICmpSGE(a.value, b.value)); }
Index min(Index a, Index b) { return select(a < b, a, b); }
Index max(Index a, Index b) { return select(a > b, a, b); }

Index operator+(Index a, int64_t b) { return a + constant(a, b); }
Index operator-(Index a, int64_t b) { return a - constant(a, b); }
Index operator*(Index a, int64_t b) { return a * constant(a, b); }
Index operator/(Index a, int64_t b) { return a / constant(a, b); }
Index operator%(Index a, int64_t b) { return a % constant(a, b); }
Index operator^(Index a, int64_t b) { return a ^ constant(a, b); }
Index operator&(Index a, int64_t b) { return a & constant(a, b); }
Index operator|(Index a, int64_t b) { return a | constant(a, b); }
Index operator<<(Index a, int64_t b) { return a << constant(a, b); }
Index operator>>(Index a, int64_t b) { return a >> constant(a, b); }
Condition operator==(Index a, int64_t b) { return a == constant(a, b); }
Condition operator!=(Index a, int64_t b) { return a != constant(a, b); }
Condition operator<(Index a, int64_t b) { return a < constant(a, b); }
Condition operator<=(Index a, int64_t b) { return a <= constant(a, b); }
Condition operator>(Index a, int64_t b) { return a > constant(a, b); }
Condition operator>=(Index a, int64_t b) { return a >= constant(a, b); }
Index min(Index a, int64_t b) { return min(a, constant(a, b)); }
Index max(Index a, int64_t b) { return max(a, constant(a, b)); }
Index operator+(int64_t a, Index b) { return constant(b, a) + b; }
Index operator-(int64_t a, Index b) { return constant(b, a) - b; }
Index operator*(int64_t a, Index b) { return constant(b, a) * b; }

Index like(Index x, uint64_t value) { return constant(x, static_cast<int64_t>(value)); }

Index select(Condition condition, Index if_true, Index if_false) {
  at(if_true, condition);
  return index_of(if_true, at(if_true, if_false).CreateSelect(condition.value, if_true.value, if_false.value));
}

U32 low_u32(Index x) { return {{x.builder, at(x).CreateTrunc(x.value, at(x).getInt32Ty())}, 1}; }
U32 high_u32(Index x) { return low_u32(x >> 32); }
F32 to_float(Index x) { return {{x.builder, at(x).CreateSIToFP(x.value, at(x).getFloatTy())}, 1}; }

// --- Condition, Mask -------------------------------------------------------------------------------------------

Condition operator&(Condition a, Condition b) { return condition_of(a, at(a, b).CreateAnd(a.value, b.value)); }
Condition operator|(Condition a, Condition b) { return condition_of(a, at(a, b).CreateOr(a.value, b.value)); }
Condition operator!(Condition a) { return condition_of(a, at(a).CreateNot(a.value)); }

Mask operator&(Mask a, Mask b) { return with_value(a, same_lanes(a, b).CreateAnd(a.value, b.value)); }
Mask operator|(Mask a, Mask b) { return with_value(a, same_lanes(a, b).CreateOr(a.value, b.value)); }
Mask operator!(Mask a) { return with_value(a, at(a).CreateNot(a.value)); }
Condition extract(Mask mask, int32_t lane) { return condition_of(mask, lane_of(mask, lane).value); }

// --- F32 -------------------------------------------------------------------------------------------------------

F32 operator+(F32 a, F32 b) { return with_value(a, same_lanes(a, b).CreateFAdd(a.value, b.value)); }
F32 operator-(F32 a, F32 b) { return with_value(a, same_lanes(a, b).CreateFSub(a.value, b.value)); }
F32 operator*(F32 a, F32 b) { return with_value(a, same_lanes(a, b).CreateFMul(a.value, b.value)); }
F32 operator/(F32 a, F32 b) { return with_value(a, same_lanes(a, b).CreateFDiv(a.value, b.value)); }
F32 operator-(F32 a) { return with_value(a, at(a).CreateFNeg(a.value)); }
F32 operator+(F32 a, float b) { return a + like(a, b); }
F32 operator-(F32 a, float b) { return a - like(a, b); }
F32 operator*(F32 a, float b) { return a * like(a, b); }
F32 operator/(F32 a, float b) { return a / like(a, b); }
F32 operator+(float a, F32 b) { return like(b, a) + b; }
F32 operator-(float a, F32 b) { return like(b, a) - b; }
F32 operator*(float a, F32 b) { return like(b, a) * b; }
F32 operator/(float a, F32 b) { return like(b, a) / b; }
Mask operator<(F32 a, F32 b) { return mask_of(a, same_lanes(a, b).CreateFCmpOLT(a.value, b.value)); }
Mask operator<=(F32 a, F32 b) { return mask_of(a, same_lanes(a, b).CreateFCmpOLE(a.value, b.value)); }
Mask operator>(F32 a, F32 b) { return mask_of(a, same_lanes(a, b).CreateFCmpOGT(a.value, b.value)); }
Mask operator>=(F32 a, F32 b) { return mask_of(a, same_lanes(a, b).CreateFCmpOGE(a.value, b.value)); }
Mask operator==(F32 a, F32 b) { return mask_of(a, same_lanes(a, b).CreateFCmpOEQ(a.value, b.value)); }
Mask operator!=(F32 a, F32 b) { return mask_of(a, same_lanes(a, b).CreateFCmpUNE(a.value, b.value)); }
Mask operator<(F32 a, float b) { return a < like(a, b); }
Mask operator<=(F32 a, float b) { return a <= like(a, b); }
Mask operator>(F32 a, float b) { return a > like(a, b); }
Mask operator>=(F32 a, float b) { return a >= like(a, b); }
Mask operator==(F32 a, float b) { return a == like(a, b); }
Mask operator!=(F32 a, float b) { return a != like(a, b); }

F32 mul_add(F32 a, F32 b, F32 c) {
  same_lanes(a, b);
  Ir& ir = same_lanes(a, c);
  // Below v3 llvm.fma would become a call to the C library's software fmaf for each lane.
  if (!a.builder->target().has_fma) return a * b + c;
  return with_value(a, ir.CreateIntrinsic(llvm::Intrinsic::fma, {a.value->getType()}, {a.value, b.value, c.value}));
}

F32 min(F32 a, F32 b) { return select(a < b, a, b); }
F32 max(F32 a, F32 b) { return select(a > b, a, b); }
F32 abs(F32 a) { return with_value(a, at(a).CreateUnaryIntrinsic(llvm::Intrinsic::fabs, a.value)); }
F32 sqrt(F32 a) { return with_value(a, at(a).CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, a.value)); }
F32 select(Mask mask, F32 if_true, F32 if_false) { return choose(mask, if_true, if_false); }
F32 select(Condition condition, F32 if_true, F32 if_false) {
  at(if_true, condition);
  return with_value(if_true,
                    same_lanes(if_true, if_false).CreateSelect(condition.value, if_true.value, if_false.value));
}

F32 like(F32 x, double constant) {
  Ir& ir = at(x);
  llvm::APFloat value(static_cast<float>(constant));
  return with_value(x, x.builder->impl().splat(llvm::ConstantFP::get(ir.getContext(), value), x.lanes));
}

F32 broadcast(F32 one_lane, int32_t lanes) { return splat_of(one_lane, lanes); }
F32 extract(F32 x, int32_t lane) { return lane_of(x, lane); }

F32 insert(F32 x, int32_t lane, F32 one_lane) {
  if (lane < 0 || lane >= x.lanes || one_lane.lanes != 1) throw CodegenError("insert: no such lane");
  if (x.lanes == 1) return one_lane;
  return with_value(x, at(x, one_lane).CreateInsertElement(x.value, one_lane.value, static_cast<uint64_t>(lane)));
}

F32 shuffle(F32 x, std::initializer_list<int32_t> lanes) {
  for (int32_t lane : lanes)
    if (lane < 0 || lane >= x.lanes) throw CodegenError("shuffle: no such lane");
  std::vector<int> picked(lanes.begin(), lanes.end());
  if (x.lanes == 1 || picked.size() == 1) {
    return splat_of(lane_of(x, picked.empty() ? -1 : picked.front()), static_cast<int32_t>(picked.size()));
  }
  F32 result = with_value(x, at(x).CreateShuffleVector(x.value, picked));
  result.lanes = static_cast<int32_t>(picked.size());
  return result;
}

F32 low_lanes(F32 x, int32_t lanes) {
  if (lanes < 1 || lanes > x.lanes) throw CodegenError("low_lanes: no such lanes");
  if (lanes == x.lanes) return x;
  if (lanes == 1) return lane_of(x, 0);
  std::vector<int> picked;
  for (int32_t i = 0; i < lanes; ++i) picked.push_back(i);
  // Of a broadcast LLVM would make a narrow one, and the wide one out of that.
  llvm::Value* whole = at(x).CreateIntrinsic(llvm::Intrinsic::arithmetic_fence, {x.value->getType()}, {x.value});
  F32 result = with_value(x, at(x).CreateShuffleVector(whole, picked));
  result.lanes = lanes;
  return result;
}

namespace {

F32 halve(F32 x, F32 (*combine)(F32, F32)) {
  if (x.lanes < 1 || (x.lanes & (x.lanes - 1)) != 0) throw CodegenError("reducing lanes takes a power of two of them");
  while (x.lanes > 1) {
    int32_t half = x.lanes / 2;
    std::vector<int> low, high;
    for (int32_t i = 0; i < half; ++i) {
      low.push_back(i);
      high.push_back(i + half);
    }
    F32 a = with_value(x, at(x).CreateShuffleVector(x.value, low));
    F32 b = with_value(x, at(x).CreateShuffleVector(x.value, high));
    a.lanes = b.lanes = half;
    if (half == 1) {
      // One lane is a scalar, not a vector of one.
      a.value = at(x).CreateExtractElement(x.value, uint64_t{0});
      b.value = at(x).CreateExtractElement(x.value, uint64_t{1});
    }
    x = combine(a, b);
  }
  return x;
}

} // namespace

F32 sum_lanes(F32 x) {
  return halve(x, [](F32 a, F32 b) { return a + b; });
}
F32 max_lanes(F32 x) {
  return halve(x, [](F32 a, F32 b) { return max(a, b); });
}

I32 round_to_int(F32 x) {
  // Adding 1.5 * 2^23 leaves the rounded integer in the low mantissa bits: one form for every level and for C++.
  constexpr float magic = 12582912.0f;
  F32 moved = x + magic;
  return as_signed(bit_cast_to_int(moved) - bit_cast_to_int(like(x, magic)));
}

U32 bit_cast_to_int(F32 x) { return {{x.builder, at(x).CreateBitCast(x.value, i32_type(at(x), x.lanes))}, x.lanes}; }
F32 bit_cast_to_float(I32 x) { return {{x.builder, at(x).CreateBitCast(x.value, f32_type(at(x), x.lanes))}, x.lanes}; }
F32 bit_cast_to_float(U32 x) { return bit_cast_to_float(as_signed(x)); }
F32 to_float(I32 x) { return {{x.builder, at(x).CreateSIToFP(x.value, f32_type(at(x), x.lanes))}, x.lanes}; }
F32 to_float(U32 x) { return to_float(as_signed(x)); }

// --- I32, U32 --------------------------------------------------------------------------------------------------

I32 operator+(I32 a, I32 b) { return with_value(a, same_lanes(a, b).CreateAdd(a.value, b.value)); }
I32 operator-(I32 a, I32 b) { return with_value(a, same_lanes(a, b).CreateSub(a.value, b.value)); }
I32 operator*(I32 a, I32 b) { return with_value(a, same_lanes(a, b).CreateMul(a.value, b.value)); }
I32 operator&(I32 a, I32 b) { return with_value(a, same_lanes(a, b).CreateAnd(a.value, b.value)); }
I32 operator|(I32 a, I32 b) { return with_value(a, same_lanes(a, b).CreateOr(a.value, b.value)); }
I32 operator^(I32 a, I32 b) { return with_value(a, same_lanes(a, b).CreateXor(a.value, b.value)); }
I32 operator+(I32 a, int32_t b) { return a + like(a, b); }
I32 operator-(I32 a, int32_t b) { return a - like(a, b); }
I32 operator*(I32 a, int32_t b) { return a * like(a, b); }
I32 operator&(I32 a, int32_t b) { return a & like(a, b); }
I32 operator|(I32 a, int32_t b) { return a | like(a, b); }
I32 operator^(I32 a, int32_t b) { return a ^ like(a, b); }
I32 operator<<(I32 a, int32_t bits) { return with_value(a, at(a).CreateShl(a.value, like(a, bits).value)); }
I32 operator>>(I32 a, int32_t bits) { return with_value(a, at(a).CreateAShr(a.value, like(a, bits).value)); }
Mask operator==(I32 a, I32 b) { return mask_of(a, same_lanes(a, b).CreateICmpEQ(a.value, b.value)); }
Mask operator!=(I32 a, I32 b) { return mask_of(a, same_lanes(a, b).CreateICmpNE(a.value, b.value)); }
Mask operator<(I32 a, I32 b) { return mask_of(a, same_lanes(a, b).CreateICmpSLT(a.value, b.value)); }
Mask operator<=(I32 a, I32 b) { return mask_of(a, same_lanes(a, b).CreateICmpSLE(a.value, b.value)); }
Mask operator>(I32 a, I32 b) { return mask_of(a, same_lanes(a, b).CreateICmpSGT(a.value, b.value)); }
Mask operator>=(I32 a, I32 b) { return mask_of(a, same_lanes(a, b).CreateICmpSGE(a.value, b.value)); }
Mask operator==(I32 a, int32_t b) { return a == like(a, b); }
Mask operator!=(I32 a, int32_t b) { return a != like(a, b); }
Mask operator<(I32 a, int32_t b) { return a < like(a, b); }
Mask operator<=(I32 a, int32_t b) { return a <= like(a, b); }
Mask operator>(I32 a, int32_t b) { return a > like(a, b); }
Mask operator>=(I32 a, int32_t b) { return a >= like(a, b); }
I32 select(Mask mask, I32 if_true, I32 if_false) { return choose(mask, if_true, if_false); }
I32 like(I32 x, int32_t constant) { return lane_constant(x, static_cast<uint32_t>(constant)); }
I32 broadcast(I32 one_lane, int32_t lanes) { return splat_of(one_lane, lanes); }
I32 extract(I32 x, int32_t lane) { return lane_of(x, lane); }
Index to_index(I32 one_lane) {
  if (one_lane.lanes != 1) throw CodegenError("to_index takes one lane");
  return index_of(one_lane, at(one_lane).CreateSExt(one_lane.value, at(one_lane).getInt64Ty()));
}

U32 operator+(U32 a, U32 b) { return with_value(a, same_lanes(a, b).CreateAdd(a.value, b.value)); }
U32 operator-(U32 a, U32 b) { return with_value(a, same_lanes(a, b).CreateSub(a.value, b.value)); }
U32 operator*(U32 a, U32 b) { return with_value(a, same_lanes(a, b).CreateMul(a.value, b.value)); }
U32 operator&(U32 a, U32 b) { return with_value(a, same_lanes(a, b).CreateAnd(a.value, b.value)); }
U32 operator|(U32 a, U32 b) { return with_value(a, same_lanes(a, b).CreateOr(a.value, b.value)); }
U32 operator^(U32 a, U32 b) { return with_value(a, same_lanes(a, b).CreateXor(a.value, b.value)); }
U32 operator+(U32 a, uint32_t b) { return a + like(a, b); }
U32 operator-(U32 a, uint32_t b) { return a - like(a, b); }
U32 operator*(U32 a, uint32_t b) { return a * like(a, b); }
U32 operator&(U32 a, uint32_t b) { return a & like(a, b); }
U32 operator|(U32 a, uint32_t b) { return a | like(a, b); }
U32 operator^(U32 a, uint32_t b) { return a ^ like(a, b); }
U32 operator<<(U32 a, int32_t bits) {
  return with_value(a, at(a).CreateShl(a.value, like(a, static_cast<uint32_t>(bits)).value));
}
U32 operator>>(U32 a, int32_t bits) {
  return with_value(a, at(a).CreateLShr(a.value, like(a, static_cast<uint32_t>(bits)).value));
}
Mask operator==(U32 a, U32 b) { return mask_of(a, same_lanes(a, b).CreateICmpEQ(a.value, b.value)); }
Mask operator!=(U32 a, U32 b) { return mask_of(a, same_lanes(a, b).CreateICmpNE(a.value, b.value)); }
Mask operator<(U32 a, U32 b) { return mask_of(a, same_lanes(a, b).CreateICmpULT(a.value, b.value)); }
Mask operator<=(U32 a, U32 b) { return mask_of(a, same_lanes(a, b).CreateICmpULE(a.value, b.value)); }
Mask operator>(U32 a, U32 b) { return mask_of(a, same_lanes(a, b).CreateICmpUGT(a.value, b.value)); }
Mask operator>=(U32 a, U32 b) { return mask_of(a, same_lanes(a, b).CreateICmpUGE(a.value, b.value)); }
Mask operator<(U32 a, uint32_t b) { return a < like(a, b); }
Mask operator>=(U32 a, uint32_t b) { return a >= like(a, b); }

U32 mul_hi(U32 a, U32 b) {
  Ir& ir = same_lanes(a, b);
  llvm::Type* wide = i64_type(ir, a.lanes);
  llvm::Value* product = ir.CreateMul(ir.CreateZExt(a.value, wide), ir.CreateZExt(b.value, wide));
  return with_value(a, ir.CreateTrunc(ir.CreateLShr(product, 32), i32_type(ir, a.lanes)));
}

U32 select(Mask mask, U32 if_true, U32 if_false) { return choose(mask, if_true, if_false); }
U32 like(U32 x, uint32_t constant) { return lane_constant(x, constant); }
U32 broadcast(U32 one_lane, int32_t lanes) { return splat_of(one_lane, lanes); }
U32 extract(U32 x, int32_t lane) { return lane_of(x, lane); }
I32 as_signed(U32 x) { return {{x.builder, x.value}, x.lanes}; }
U32 as_unsigned(I32 x) { return {{x.builder, x.value}, x.lanes}; }
Index to_index(U32 one_lane) {
  if (one_lane.lanes != 1) throw CodegenError("to_index takes one lane");
  return index_of(one_lane, at(one_lane).CreateZExt(one_lane.value, at(one_lane).getInt64Ty()));
}

} // namespace kiln::codegen
