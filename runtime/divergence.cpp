// The loss comes before every update of a parameter, so what the states hold by then is what the step began with;
// running statistics alone may be one batch further, which training does not read.
#include "runtime/divergence.h"

#include "runtime/instance.h"
#include "runtime/layout.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <cmath>
#include <exception>

namespace kiln::runtime {
namespace {

constexpr size_t most_rows_named = 5;

std::span<const float> floats(const std::vector<char>& logical) {
  return {reinterpret_cast<const float*>(logical.data()), logical.size() / sizeof(float)};
}

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

std::string counted(const kiln_tensor& tensor, std::span<const float> values) {
  int64_t nans = 0, infinite = 0;
  for (const float value : values) {
    if (std::isnan(value)) ++nans;
    if (std::isinf(value)) ++infinite;
  }
  std::string dims;
  for (int32_t d = 0; d < tensor.rank; ++d) dims += (d > 0 ? "," : "") + format_integer(tensor.dims[d]);
  std::string text = std::string(tensor.name) + " f32[" + dims + "] holds ";
  if (nans > 0) text += format_integer(nans) + " NaN";
  if (nans > 0 && infinite > 0) text += " and ";
  if (infinite > 0) text += format_integer(infinite) + " infinite";
  return text + " among " + format_integer(element_count(tensor)) + " values";
}

// ", in the samples a.png, b.png and 3 more" where the tensor has a row a sample and some of them are sound.
std::string samples_in(const kiln_tensor& tensor, std::span<const float> values, int64_t batch,
                       const DivergenceProbe::RowName& row_name) {
  if (tensor.rank < 1 || tensor.dims[0] != batch) return {};
  const size_t row_size = values.size() / static_cast<size_t>(batch);
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < batch; ++row)
    if (!all_finite(values.subspan(static_cast<size_t>(row) * row_size, row_size))) rows.push_back(row);
  std::string text = rows.size() == 1 ? ", of the sample " : ", of the samples ";
  for (size_t i = 0; i < std::min(rows.size(), most_rows_named); ++i) text += (i > 0 ? ", " : "") + row_name(rows[i]);
  if (rows.size() > most_rows_named)
    text += " and " + format_integer(static_cast<int64_t>(rows.size() - most_rows_named)) + " more";
  return text;
}

} // namespace

DivergenceProbe::DivergenceProbe(Instance& instance, const kiln_function& function, int loss)
    : instance_(instance), function_(function) {
  for (int32_t i = 0; i < function.result_count; ++i) {
    const kiln_buffer& buffer = function.buffers[function.results[i].buffer];
    if (buffer.kind == KILN_BUFFER_OUTPUT && buffer.index == loss) loss_ = &function.results[i];
  }
}

void DivergenceProbe::after_step(int32_t step) {
  if (loss_ == nullptr || step != loss_->step) return;
  if (std::isfinite(*static_cast<const float*>(instance_.buffer(loss_->buffer)))) return;
  try {
    states_.clear();
    const kiln_program& program = instance_.program();
    for (int i = 0; i < program.state_count; ++i) {
      std::vector<char>& values = states_.emplace_back(static_cast<size_t>(logical_bytes(program.states[i].tensor)));
      instance_.read_state(i, values.data());
    }
  } catch (const std::exception&) { // no memory: then nothing is explained
    states_.clear();
  }
}

std::string DivergenceProbe::explain(std::span<const void* const> inputs, std::span<void* const> outputs, uint64_t seed,
                                     uint64_t step, const RowName& row_name) {
  if (states_.empty()) return {};
  const kiln_program& program = instance_.program();
  for (int i = 0; i < program.state_count; ++i)
    if (program.states[i].role != KILN_CONSTANT) instance_.write_state(i, states_[static_cast<size_t>(i)].data());
  if (std::string text = explain_states(); !text.empty()) return text;
  if (std::string text = explain_inputs(inputs, row_name); !text.empty()) return text;
  return run_and_explain(inputs, outputs, seed, step, row_name);
}

std::string DivergenceProbe::run_and_explain(std::span<const void* const> inputs, std::span<void* const> outputs,
                                             uint64_t seed, uint64_t step, const RowName& row_name) {
  first_ = nullptr;
  instance_.set_step_hook([](void* self, int32_t done) { static_cast<DivergenceProbe*>(self)->look(done); }, this);
  instance_.run(function_, inputs, outputs, seed, step);
  instance_.set_step_hook(nullptr, nullptr);
  if (first_ == nullptr) return {};
  const kiln_step& made = function_.steps[first_->step];
  const std::span<const float> values = floats(first_data_);
  return std::string("run again, the first step with a value that is not finite is ") + made.op + " of layer " +
         made.layers + ": " + counted(first_->tensor, values) +
         samples_in(first_->tensor, values, function_.batch, row_name);
}

std::string DivergenceProbe::explain_inputs(std::span<const void* const> inputs, const RowName& row_name) const {
  for (int32_t i = 0; i < function_.input_count; ++i) {
    const kiln_tensor& tensor = function_.inputs[i];
    if (tensor.dtype != KILN_F32) continue;
    std::vector<char> data(static_cast<size_t>(logical_bytes(tensor)));
    unpack(tensor, inputs[static_cast<size_t>(i)], data.data());
    const std::span<const float> values = floats(data);
    if (!all_finite(values))
      return "the input " + counted(tensor, values) + samples_in(tensor, values, function_.batch, row_name);
  }
  return {};
}

std::string DivergenceProbe::explain_states() const {
  const kiln_program& program = instance_.program();
  for (int i = 0; i < program.state_count; ++i) {
    const kiln_state& state = program.states[i];
    const std::span<const float> values = floats(states_[static_cast<size_t>(i)]);
    if (state.role == KILN_PARAMETER && state.tensor.dtype == KILN_F32 && !all_finite(values))
      return "the update of the step before had already made weights that are not finite: " +
             counted(state.tensor, values);
  }
  return {};
}

void DivergenceProbe::look(int32_t step) {
  for (int32_t i = 0; i < function_.result_count && first_ == nullptr; ++i) {
    const kiln_result& result = function_.results[i];
    if (result.step != step || result.tensor.dtype != KILN_F32) continue;
    try {
      first_data_.resize(static_cast<size_t>(logical_bytes(result.tensor)));
    } catch (const std::exception&) { // no memory to look at it
      return;
    }
    unpack(result.tensor, instance_.buffer(result.buffer), first_data_.data());
    if (!all_finite(floats(first_data_))) first_ = &result;
  }
}

} // namespace kiln::runtime
