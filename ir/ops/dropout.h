// Dropout: sets a random share of elements to zero and scales the others up. Training only.
// It is its own gradient: the mask is a function of seed, step, stream and element, so it is drawn again, never stored.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// dropout(src): y[e] = u[e] < drop ? 0 : x[e] / (1 - drop), u[e] uniform in [0, 1).
//   src             f32[N,C,...], 1 to 6 dims; a vector is f32[C]
//   drop            probability of zero, in [0, 1)
//   stream          id of the layer's random stream
//   whole_channels  whether all pixels of a sample's channel are dropped together, by one draw
//   ->              as src
// u[e] = random::uniform(random::draw(key, e)), key = random::stream_key(seed, step, stream); e counts the elements of
// the full batch in N, pixel, C order (N, H, W, C), whatever the layout; of whole channels it counts N, C. u is
// compared with drop rounded to f32. Gradient: dropout of the gradient with the same attributes, which in the same step
// draws the same mask.
struct Dropout {
  struct Attributes {
    double drop = 0.5;
    StreamId stream{};
    bool whole_channels = false;
    void fields(FieldVisitor& visit) {
      visit("drop", drop);
      visit("stream", stream);
      visit("whole_channels", whole_channels);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static void gradient(GradientBuilder&, const Node&);
  static int64_t flops(const Node&);
  static constexpr Traits traits = {.any_layout = true, .random = true};

  // Of an element x with its uniform draw u; for double, float and codegen's vector, as in elementwise.h.
  template <class T> static T formula(const Attributes& attributes, const T& x, const T& u) {
    using math::like;
    using math::select;
    return select(u < like(u, static_cast<float>(attributes.drop)), like(x, 0), x * like(x, 1 / (1 - attributes.drop)));
  }
};

} // namespace kiln::ir
