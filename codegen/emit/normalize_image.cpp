// Image bytes or floats, H, W, C, less a center and times a factor, to the plain C, H, W tensor that the first layer
// takes; colours may be rotated on the way. A task owns one image.
#include "ir/ops/normalize_image.h"

#include "codegen/emit/vectors.h"

namespace kiln::codegen {

namespace {

// Where the center (or factor) of a channel's pixel stands.
struct PerValue {
  Pointer pointer;
  bool has_pixels; // else one for the channel

  PerValue(KernelBuilder& k, int32_t operand, const ir::TensorType& type)
      : pointer(k.operand(operand)), has_pixels(type.rank() == 3) {}

  F32 vector(KernelBuilder& k, int64_t plane, const Span& pixel, int64_t channel) const {
    if (!has_pixels) return k.load_broadcast(pointer, channel);
    return load(k, pointer + plane, pixel);
  }
  F32 one(KernelBuilder& k, int64_t plane, Index pixel, int64_t channel) const {
    return has_pixels ? k.load(pointer + plane, pixel, 1) : k.load_broadcast(pointer, channel, 1);
  }
};

F32 load_one(KernelBuilder& k, Pointer image, Index at) {
  return image.element == ElementType::u8 ? k.load_u8(image, at, 1) : k.load(image, at, 1);
}

} // namespace

template <> void emit<ir::NormalizeImage>(Emission& emission) {
  const ir::TensorType image = emission.operand_type(0);
  const ir::TensorType center_type = emission.operand_type(1), factor_type = emission.operand_type(2);
  const ElementType element = image.dtype == ir::DType::u8 ? ElementType::u8 : ElementType::f32;
  const bool rotated = emission.node().operands().size() == 4;
  const int64_t pixels = image.dims[1] * image.dims[2], channels = image.dims[3];
  const int64_t results = emission.result_type().dims[1];
  std::vector<BufferRef> buffers;
  for (size_t i = 0; i < emission.node().operands().size(); ++i) buffers.push_back(emission.operand(i));
  buffers.push_back(emission.result());
  emission.launch("forward", buffers, {}, image.dims[0], [=](KernelBuilder& k) {
    const Pointer images = k.operand(0, element);
    const PerValue center(k, 1, center_type), factor(k, 2, factor_type);
    const Pointer rotation = rotated ? k.operand(3) : Pointer{};
    const Pointer target = k.operand(rotated ? 4 : 3);
    k.begin_tasks([&](Index sample) {
      const Pointer source = images + sample * (pixels * channels);
      const Pointer dst = target + sample * (pixels * results);
      const auto one = [&](Index pixel, int64_t channel) {
        return ir::NormalizeImage::formula(load_one(k, source, pixel * channels + channel),
                                           center.one(k, channel * pixels, pixel, channel),
                                           factor.one(k, channel * pixels, pixel, channel));
      };
      if (rotated) {
        k.for_range(0, pixels, 1, [&](Index pixel) {
          std::vector<F32> values;
          for (int64_t c = 0; c < channels; ++c) values.push_back(one(pixel, c));
          for (int64_t r = 0; r < results; ++r) {
            F32 sum = k.zero(1);
            for (int64_t c = 0; c < channels; ++c)
              sum = mul_add(k.load_broadcast(rotation, r * channels + c, 1), values[static_cast<size_t>(c)], sum);
            k.store(dst, pixel + r * pixels, sum);
          }
        });
        return;
      }
      for (int64_t c = 0; c < channels; ++c) {
        const auto store_vector = [&](const Span& pixel, F32 value) {
          store(k, dst + c * pixels, pixel,
                ir::NormalizeImage::formula(value, center.vector(k, c * pixels, pixel, c),
                                            factor.vector(k, c * pixels, pixel, c)));
        };
        if (element == ElementType::f32) {
          for_vectors(k, k.index(0), pixels, [&](const Span& pixel) {
            const Index at = pixel.offset * channels + c;
            store_vector(pixel, pixel.mask ? k.load_strided(source, at, k.index(channels), *pixel.mask)
                                           : k.load_strided(source, at, k.index(channels)));
          });
          continue;
        }
        // Bytes have no masked loads: what is no whole vector of neighbours goes one by one.
        const int64_t whole = channels == 1 ? pixels / k.width() * k.width() : 0;
        k.for_range(0, whole, k.width(), [&](Index pixel) { store_vector(Span{pixel, {}}, k.load_u8(source, pixel)); });
        k.for_range(
            whole, pixels, 1, [&](Index pixel) { k.store(dst, pixel + c * pixels, one(pixel, c)); }, Unroll::by(4));
      }
    });
  });
}

} // namespace kiln::codegen
