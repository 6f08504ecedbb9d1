// Values of states that a product brings with it.
#include "products/known_states.h"

#include "runtime/error.h"
#include "runtime/safetensors.h"

#include <vector>

namespace kiln::products {

using runtime::Error;
using runtime::ErrorKind;

void write_known_states(const kiln_product& product, runtime::Instance& instance) {
  for (int32_t i = 0; i < product.known_state_count; ++i) {
    const kiln_known_state& state = product.known_states[i];
    instance.write_state(instance.find_state(state.name), state.values);
  }
}

bool holds_weights(const kiln_product& product) {
  return product.known_state_count == 0 || product.known_states[0].values != nullptr;
}

void read_known_states(const kiln_product& product, const std::string& path, runtime::Instance& instance) {
  const runtime::SafetensorsFile file(path);
  const auto fail = [&](const std::string& why) { throw Error(ErrorKind::data, path + ": " + why); };
  const std::string* hash = file.find_metadata(runtime::weights_file_plan_key(product.program->isa));
  if (hash == nullptr)
    fail("not the weights that were written beside an inference binary for this CPU level; kiln build --weights makes "
         "such a binary, or with --weights-outside such a file, of a checkpoint");
  if (*hash != product.program->plan_hash)
    fail("written for plan " + hash->substr(0, 16) + ", this binary has plan " +
         std::string(product.program->plan_hash).substr(0, 16));
  std::vector<char> values;
  for (int32_t i = 0; i < product.known_state_count; ++i) {
    const kiln_known_state& state = product.known_states[i];
    const int index = instance.find_state(state.name);
    const kiln_tensor& tensor = product.program->states[index].tensor;
    const runtime::SafetensorsTensor* found = file.find(state.key);
    if (found == nullptr) fail("holds no tensor \"" + std::string(state.key) + "\"");
    if (found->dtype != runtime::safetensors_dtype(tensor.dtype) ||
        found->shape != std::vector<int64_t>(tensor.dims, tensor.dims + tensor.rank))
      fail("tensor \"" + found->name + "\" is " + found->dtype + runtime::shape_text(found->shape));
    values.resize(found->end - found->begin);
    file.read(*found, values.data());
    instance.write_state(index, values.data());
  }
}

} // namespace kiln::products
