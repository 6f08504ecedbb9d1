// How the states of a program begin.
// A wrong description is a fault of the compiler that made it, never of the user.
#include "runtime/initializers.h"

#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/layout.h"
#include "runtime/vector_math.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace kiln::runtime {
namespace {

[[noreturn]] void refuse(const kiln_state& state, const std::string& why) {
  throw Error(ErrorKind::runtime, std::string("inconsistent program: ") + state.tensor.name + ": " + why);
}

template <class Value> void fill(void* logical, int64_t count, Value&& value) {
  auto* elements = static_cast<float*>(logical);
  for (int64_t i = 0; i < count; ++i) elements[i] = value(static_cast<uint64_t>(i));
}

double dot(const double* a, const double* b, int64_t length) {
  double sum = 0;
  for (int64_t i = 0; i < length; ++i) sum += a[i] * b[i];
  return sum;
}

// Gram-Schmidt, twice for each vector, so that rounding leaves nothing of the others: of vectors of normal draws it
// gives each orthogonal system equally often.
void orthonormalize(std::vector<double>& vectors, int64_t count, int64_t length) {
  for (int64_t k = 0; k < count; ++k) {
    double* own = vectors.data() + k * length;
    for (int pass = 0; pass < 2; ++pass)
      for (int64_t other = 0; other < k; ++other) {
        const double* before = vectors.data() + other * length;
        const double part = dot(own, before, length);
        for (int64_t i = 0; i < length; ++i) own[i] -= part * before[i];
      }
    const double norm = std::sqrt(dot(own, own, length));
    for (int64_t i = 0; i < length; ++i) own[i] /= norm;
  }
}

void fill_orthogonal(const kiln_state& state, uint64_t key, float* elements) {
  const int64_t rows = state.tensor.dims[0];
  const int64_t columns = element_count(state.tensor) / rows;
  const bool by_rows = rows <= columns;
  const int64_t count = std::min(rows, columns), length = std::max(rows, columns);
  std::vector<double> vectors(static_cast<size_t>(rows * columns));
  const auto element = [&](int64_t k, int64_t i) { return by_rows ? k * columns + i : i * columns + k; };
  for (int64_t k = 0; k < count; ++k)
    for (int64_t i = 0; i < length; ++i)
      vectors[static_cast<size_t>(k * length + i)] =
          double{math::draw_normal(key, static_cast<uint64_t>(element(k, i)))};
  orthonormalize(vectors, count, length);
  const auto gain = double{state.initializer.a};
  for (int64_t k = 0; k < count; ++k)
    for (int64_t i = 0; i < length; ++i)
      elements[element(k, i)] = static_cast<float>(gain * vectors[static_cast<size_t>(k * length + i)]);
}

// Of a side of the kernel, as proto::Bilinear has it.
double interpolation(int64_t position, int64_t side) {
  const auto factor = static_cast<double>((side + 1) / 2);
  const double center = (2 * factor - 1 - static_cast<double>((side + 1) / 2 % 2)) / (2 * factor);
  return 1 - std::abs(static_cast<double>(position) / factor - center);
}

void fill_bilinear(const kiln_state& state, float* elements) {
  const int64_t *dims = state.tensor.dims, modulus = static_cast<int64_t>(state.initializer.b);
  if (state.tensor.rank != 4 || modulus < 1) refuse(state, "only the kernels of an image can interpolate");
  for (int64_t i = 0; i < dims[0]; ++i)
    for (int64_t o = 0; o < dims[1]; ++o)
      for (int64_t y = 0; y < dims[2]; ++y)
        for (int64_t x = 0; x < dims[3]; ++x)
          *elements++ = i % modulus == o % modulus
                            ? static_cast<float>(interpolation(y, dims[2]) * interpolation(x, dims[3]))
                            : 0.0f;
}

} // namespace

void initialize_state(const kiln_state& state, uint64_t seed, void* logical) {
  const int64_t count = element_count(state.tensor);
  const kiln_initializer& init = state.initializer;
  const uint64_t key = random::stream_key(seed, uint64_t{0}, state.stream);
  if (state.tensor.dtype != KILN_F32) {
    if (init.kind != KILN_INIT_CONSTANT) refuse(state, "only f32 states have random initialisers");
    if (state.tensor.dtype == KILN_U8) {
      std::memset(logical, static_cast<uint8_t>(init.a), static_cast<size_t>(count));
    } else {
      std::fill_n(static_cast<int32_t*>(logical), count, static_cast<int32_t>(init.a));
    }
    return;
  }
  switch (init.kind) {
  case KILN_INIT_CONSTANT:
    return fill(logical, count, [&](uint64_t) { return init.a; });
  case KILN_INIT_UNIFORM:
    return fill(logical, count,
                [&](uint64_t i) { return init.a + (init.b - init.a) * random::uniform(random::draw(key, i)); });
  case KILN_INIT_NORMAL:
    return fill(logical, count, [&](uint64_t i) { return init.a + init.b * math::draw_normal(key, i); });
  case KILN_INIT_ORTHOGONAL:
    return fill_orthogonal(state, key, static_cast<float*>(logical));
  case KILN_INIT_BILINEAR:
    return fill_bilinear(state, static_cast<float*>(logical));
  }
  refuse(state, "unknown initialiser");
}

} // namespace kiln::runtime
