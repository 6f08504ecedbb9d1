// Resizing: a task owns one plane of one sample. Where a pixel lies and what it weighs is worked out in whole numbers,
// so that it is exact. The gradient adds pixel by pixel, in the order of the result.
#include "ir/ops/resize.h"

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

namespace {

// ir::ResizeAxis at a position known at run time.
struct Place {
  Index lower, upper;
  F32 lower_weight, upper_weight;
};

Place place_of(const ir::ResizeAxis& axis, Index o, int32_t lanes) {
  const int64_t denominator = axis.denominator();
  const Index numerator = min(max(o * axis.line[0] + axis.line[1], 0), (axis.input - 1) * denominator);
  const Index lower = numerator / denominator;
  const Index rest = numerator - lower * denominator;
  const auto weight = [&](Index part) { return broadcast(to_float(part) / static_cast<float>(denominator), lanes); };
  return {lower, min(lower + 1, axis.input - 1), weight(denominator - rest), weight(rest)};
}

// Calls body(y, x, rows' place, columns' place) for every pixel of the result.
template <class Body> void for_pixels(KernelBuilder& k, const ir::Resize::Attributes& attributes, const ir::Dims& src,
                                      int32_t lanes, Body body) {
  const ir::ResizeAxis rows{src[2], attributes.rows};
  const ir::ResizeAxis columns{src[3], attributes.columns};
  k.for_range(0, attributes.size[0], 1, [&](Index y) {
    const Place row = place_of(rows, y, lanes);
    k.for_range(0, attributes.size[1], 1, [&](Index x) { body(y, x, row, place_of(columns, x, lanes)); });
  });
}

} // namespace

template <> void emit<ir::Resize>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::Resize>();
  const ir::Dims source_dims = emission.operand_type(0).dims;
  const Planes src(emission.operand_type(0));
  const Planes dst(emission.result_type());
  emission.launch("forward", {emission.operand(0), emission.result()}, {}, dst.count(), [=](KernelBuilder& k) {
    const auto lanes = static_cast<int32_t>(src.lanes);
    const Pointer from = k.operand(0);
    const Pointer to = k.operand(1);
    k.begin_tasks([&](Index plane) {
      const Pointer source = from + plane * src.elements();
      const Pointer target = to + plane * dst.elements();
      for_pixels(k, attributes, source_dims, lanes, [&](Index y, Index x, const Place& row, const Place& column) {
        const auto pixel = [&](Index h, Index w) {
          return k.load(source, (h * source_dims[3] + w) * src.lanes, lanes);
        };
        F32 value = pixel(row.lower, column.lower);
        if (attributes.mode == ir::ResizeMode::bilinear) {
          const auto across = [&](F32 left, F32 right) {
            return mul_add(right, column.upper_weight, left * column.lower_weight);
          };
          const F32 top = across(value, pixel(row.lower, column.upper));
          const F32 bottom = across(pixel(row.upper, column.lower), pixel(row.upper, column.upper));
          value = mul_add(bottom, row.upper_weight, top * row.lower_weight);
        }
        k.store(target, (y * attributes.size[1] + x) * dst.lanes, value);
      });
    });
  });
}

template <> void emit<ir::ResizeBackward>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::ResizeBackward>();
  const ir::Dims source_dims = emission.result_type().dims;
  const Planes src(emission.result_type());
  const Planes dst(emission.operand_type(0));
  emission.launch("backward", {emission.operand(0), emission.result()}, {}, dst.count(), [=](KernelBuilder& k) {
    const auto lanes = static_cast<int32_t>(src.lanes);
    const Pointer from = k.operand(0);
    const Pointer to = k.operand(1);
    k.begin_tasks([&](Index plane) {
      const Pointer ddst = from + plane * dst.elements();
      const Pointer dsrc = to + plane * src.elements();
      k.fill_zero(dsrc, k.index(src.elements()));
      for_pixels(k, attributes, source_dims, lanes, [&](Index y, Index x, const Place& row, const Place& column) {
        const F32 gradient = k.load(ddst, (y * attributes.size[1] + x) * dst.lanes, lanes);
        const auto add = [&](Index h, Index w, F32 share) {
          const Index at = (h * source_dims[3] + w) * src.lanes;
          k.store(dsrc, at, k.load(dsrc, at, lanes) + share);
        };
        if (attributes.mode == ir::ResizeMode::nearest) return add(row.lower, column.lower, gradient);
        const F32 top = gradient * row.lower_weight;
        const F32 bottom = gradient * row.upper_weight;
        add(row.lower, column.lower, top * column.lower_weight);
        add(row.lower, column.upper, top * column.upper_weight);
        add(row.upper, column.lower, bottom * column.lower_weight);
        add(row.upper, column.upper, bottom * column.upper_weight);
      });
    });
  });
}

} // namespace kiln::codegen
