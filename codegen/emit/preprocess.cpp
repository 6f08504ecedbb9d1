// Image bytes or floats, H, W, C, to the plain C, H, W tensor that the first layer takes. A task owns one channel of
// one image: its border rows, then each row with its border columns.
#include "ir/ops/preprocess.h"

#include "codegen/emit/vectors.h"
#include "ir/ops/channel_values.h"

namespace kiln::codegen {

namespace {

void fill_run(KernelBuilder& k, Pointer to, Index base, int64_t count, F32 value) {
  if (count > 0) for_vectors(k, base, count, [&](const Span& at) { store(k, to, at, value); });
}

// One row of one channel: `columns` values, `channels` apart in the image.
void convert_row(KernelBuilder& k, Pointer image, Index from, Pointer dst, Index to, int64_t columns, int64_t channels,
                 F32 scale, F32 shift) {
  if (image.element == ElementType::f32) {
    for_vectors(k, k.index(0), columns, [&](const Span& x) {
      const Index at = from + x.offset * channels;
      const F32 values =
          x.mask ? k.load_strided(image, at, k.index(channels), *x.mask) : k.load_strided(image, at, k.index(channels));
      store(k, dst, Span{to + x.offset, x.mask}, ir::Preprocess::formula(values, scale, shift));
    });
    return;
  }
  // Bytes have no masked loads: what is no whole vector of neighbours goes one by one.
  const int64_t whole = channels == 1 ? columns / k.width() * k.width() : 0;
  k.for_range(0, whole, k.width(), [&](Index x) {
    k.store(dst, to + x, ir::Preprocess::formula(k.load_u8(image, from + x), scale, shift));
  });
  const F32 one_scale = extract(scale, 0);
  const F32 one_shift = extract(shift, 0);
  k.for_range(
      whole, columns, 1,
      [&](Index x) {
        const F32 value = k.load_u8(image, from + x * channels, 1);
        k.store(dst, to + x, ir::Preprocess::formula(value, one_scale, one_shift));
      },
      Unroll::by(4));
}

// The value of a list for a channel that is known when the kernel runs.
F32 value_of_channel(KernelBuilder& k, const std::vector<double>& values, Index channel) {
  F32 value = k.f32(static_cast<float>(values[0]));
  for (size_t c = 1; c < values.size(); ++c)
    value = select(channel == static_cast<int64_t>(c), k.f32(static_cast<float>(values[c])), value);
  return value;
}

} // namespace

template <> void emit<ir::Preprocess>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::Preprocess>();
  const ir::TensorType& image = emission.operand_type(0);
  const ir::TensorType& result = emission.result_type();
  const ElementType element = image.dtype == ir::DType::u8 ? ElementType::u8 : ElementType::f32;
  const int64_t height = image.dims[1], width = image.dims[2], channels = image.dims[3];
  const int64_t rows = result.dims[2], columns = result.dims[3];
  const auto [top, left, bottom, right] = attributes.pad;
  emission.launch("forward", {emission.operand(0), emission.result()}, {}, result.dims[0] * channels,
                  [=, top = top, left = left, bottom = bottom, right = right](KernelBuilder& k) {
                    const Pointer source = k.operand(0, element);
                    const Pointer target = k.operand(1);
                    k.begin_tasks([&](Index task) {
                      const Index sample = task / channels;
                      const Index channel = task % channels;
                      const F32 scale = value_of_channel(k, attributes.scale, channel);
                      const F32 shift = value_of_channel(k, attributes.shift, channel);
                      const F32 border = value_of_channel(k, attributes.pad_value, channel);
                      const Index plane = task * (rows * columns);
                      fill_run(k, target, plane, top * columns, border);
                      k.for_range(0, height, 1, [&](Index y) {
                        const Index from = (sample * height + y) * (width * channels) + channel;
                        const Index to = plane + (y + top) * columns;
                        fill_run(k, target, to, left, border);
                        convert_row(k, source, from, target, to + left, width, channels, scale, shift);
                        fill_run(k, target, to + (left + width), right, border);
                      });
                      fill_run(k, target, plane + (top + height) * columns, bottom * columns, border);
                    });
                  });
}

} // namespace kiln::codegen
