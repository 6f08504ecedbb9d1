// Checkpoints of a training run as safetensors files, durable and checked, and weights loaded from such files.
// A checkpoint holds everything that the rest of a run depends on: resuming from it gives the bits of a run never
// stopped.
#include "runtime/checkpoint.h"

#include "runtime/error.h"
#include "runtime/instance.h"
#include "runtime/json_writer.h"
#include "runtime/layout.h"
#include "runtime/number_format.h"
#include "runtime/safetensors.h"
#include "runtime/sha256.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <unistd.h>

namespace kiln::runtime {
namespace {

constexpr std::string_view format_version = "2";
constexpr std::string_view optimizer_prefix = "optimizer/";

std::string average_name(const std::string& parameter) { return parameter + ".average"; }

struct SavedState {
  int index;
  SafetensorsTensor tensor;
};

SafetensorsTensor describe(const kiln_state& state) {
  SafetensorsTensor tensor;
  if (state.role == KILN_OPTIMIZER) tensor.name = optimizer_prefix;
  tensor.name += state.tensor.name;
  tensor.dtype = safetensors_dtype(state.tensor.dtype);
  tensor.shape.assign(state.tensor.dims, state.tensor.dims + state.tensor.rank);
  return tensor;
}

bool is_weight(const kiln_state& state) { return state.role == KILN_PARAMETER || state.role == KILN_STATISTIC; }

// In file order: wide elements first, so that all are aligned to their size, then by name.
std::vector<SavedState> saved_states(const kiln_program& program, bool with_optimizer) {
  std::vector<SavedState> states;
  for (int index = 0; index < program.state_count; ++index) {
    const kiln_state& state = program.states[index];
    if (is_weight(state) || (with_optimizer && state.role == KILN_OPTIMIZER))
      states.push_back({index, describe(state)});
  }
  std::sort(states.begin(), states.end(), [](const SavedState& a, const SavedState& b) {
    uint64_t a_bytes = safetensors_element_bytes(a.tensor.dtype), b_bytes = safetensors_element_bytes(b.tensor.dtype);
    return a_bytes != b_bytes ? a_bytes > b_bytes : a.tensor.name < b.tensor.name;
  });
  return states;
}

void check_finite(const kiln_state& state, const std::vector<char>& content, int64_t step) {
  if (state.tensor.dtype != KILN_F32) return;
  const float* values = reinterpret_cast<const float*>(content.data());
  size_t count = content.size() / sizeof(float);
  for (size_t at = 0; at < count; ++at) {
    if (std::isfinite(values[at])) continue;
    throw Error(ErrorKind::diverged, std::string("training diverged: \"") + state.tensor.name + "\" holds " +
                                         (std::isnan(values[at]) ? "NaN" : "infinity") + " after step " +
                                         format_integer(step));
  }
}

// Calls visit(state, its logical bytes) in file order, with one buffer for all.
template <typename Visit>
void visit_contents(const Instance& instance, const std::vector<SavedState>& states, Visit visit) {
  const kiln_program& program = instance.program();
  std::vector<char> content;
  content.reserve(instance.largest_state_bytes());
  for (const SavedState& saved : states) {
    const kiln_state& state = program.states[saved.index];
    content.resize(static_cast<size_t>(logical_bytes(state.tensor)));
    instance.read_state(saved.index, content.data());
    visit(state, content);
  }
}

std::vector<SafetensorsTensor> tensors_of(const std::vector<SavedState>& states) {
  std::vector<SafetensorsTensor> tensors;
  for (const SavedState& saved : states) tensors.push_back(saved.tensor);
  return tensors;
}

// One name and type for each number of a position, for writing and reading alike.
template <typename Info, typename Visit> void visit_numbers(Info& info, Visit visit) {
  visit("epoch", info.position.epoch);
  visit("samples", info.position.samples);
  visit("step", info.position.step);
  visit("loss_sum", info.position.loss_sum);
  visit("correct_sum", info.position.correct_sum);
  visit("counted", info.position.counted);
  visit("last_train_loss", info.position.last_train_loss);
  visit("last_train_accuracy", info.position.last_train_accuracy);
  visit("last_test_loss", info.position.last_test_loss);
  visit("last_test_accuracy", info.position.last_test_accuracy);
  visit("plateau_best", info.position.plateau.best);
  visit("plateau_tests_since", info.position.plateau.tests_since);
  visit("early_stop_best", info.position.early_stop.best);
  visit("early_stop_tests_since", info.position.early_stop.tests_since);
  visit("kept_best", info.position.kept.best);
  visit("kept_tests_since", info.position.kept.tests_since);
  visit("rate_divisions", info.position.rate_divisions);
  visit("is_stopped", info.position.is_stopped);
  visit("seed", info.seed);
  visit("batch", info.batch);
  visit("train_samples", info.train_samples);
}

std::string key_of(std::string_view name) { return "kiln." + std::string(name); }

std::string number_text(int64_t value) { return format_integer(value); }
std::string number_text(double value) { return format_double(value); }
std::string number_text(uint64_t value) {
  std::string text;
  append_unsigned(text, value);
  return text;
}

bool parse_number(const std::string& text, int64_t& value) { return parse_integer(text, value); }
bool parse_number(const std::string& text, uint64_t& value) { return parse_unsigned(text, value); }
bool parse_number(const std::string& text, double& value) { return parse_double(text, value); }

const std::string& required(const SafetensorsFile& file, const std::string& key) {
  if (const std::string* value = file.find_metadata(key)) return *value;
  throw Error(ErrorKind::data,
              file.path() + ": not a checkpoint of a training run: no \"" + key + "\" in its metadata");
}

CheckpointInfo read_info(const SafetensorsFile& file) {
  const std::string& format = required(file, "kiln.format");
  if (format != format_version)
    throw Error(ErrorKind::data,
                file.path() + ": checkpoint format " + format + ", expected " + std::string(format_version));
  CheckpointInfo info;
  info.plan_hash = required(file, "kiln.plan_hash");
  info.experiment = required(file, "kiln.experiment");
  visit_numbers(info, [&](std::string_view name, auto& value) {
    const std::string& text = required(file, key_of(name));
    if (!parse_number(text, value))
      throw Error(ErrorKind::data, file.path() + ": \"" + key_of(name) + "\" is \"" + text + "\", expected a number");
  });
  const TrainingPosition& position = info.position;
  if (position.epoch < 0 || position.samples < 0 || position.step < 0 || info.batch < 1)
    throw Error(ErrorKind::data, file.path() + ": the position of the run is no position");
  return info;
}

void verify_payload(const SafetensorsFile& file, const std::string& expected) {
  std::string found = file.payload_sha256();
  if (found != expected)
    throw Error(ErrorKind::data,
                file.path() + ": damaged: its payload has SHA-256 " + found + ", expected " + expected);
}

// Why a tensor of the file cannot fill a state, or an empty text.
std::string mismatch(const SafetensorsTensor& found, const SafetensorsTensor& wanted) {
  if (found.dtype == wanted.dtype && found.shape == wanted.shape) return {};
  return "\"" + wanted.name + "\": the file has " + found.dtype + shape_text(found.shape) + ", the network " +
         wanted.dtype + shape_text(wanted.shape);
}

void load_state(const SafetensorsFile& file, const SafetensorsTensor& tensor, int index, Instance& instance) {
  std::vector<char> content(tensor.end - tensor.begin);
  file.read(tensor, content.data());
  instance.write_state(index, content.data());
}

// Lets `previous` name what `last` names. `last` stays in place where the file system knows hard links.
void keep_as_previous(const std::string& last, const std::string& previous) {
  std::string link_path = previous + ".tmp";
  unlink(link_path.c_str());
  bool linked = link(last.c_str(), link_path.c_str()) == 0;
  if (rename(linked ? link_path.c_str() : last.c_str(), previous.c_str()) != 0)
    throw Error(ErrorKind::runtime, system_problem("cannot rename to", previous, errno));
}

void append_names(std::string& text, std::string_view title, const std::vector<std::string>& names) {
  constexpr size_t most = 8;
  if (names.empty()) return;
  text += "; ";
  text += title;
  for (size_t at = 0; at < names.size() && at < most; ++at) {
    text += at == 0 ? ": " : ", ";
    text += names[at];
  }
  if (names.size() > most) text += " and " + format_integer(static_cast<int64_t>(names.size() - most)) + " more";
}

} // namespace

std::string last_checkpoint_path(const std::string& directory) { return join_path(directory, "last.safetensors"); }

std::string previous_checkpoint_path(const std::string& directory) {
  return join_path(directory, "previous.safetensors");
}

std::string best_weights_path(const std::string& directory) { return join_path(directory, "best.safetensors"); }

std::string trained_weights_path(const std::string& directory, bool keeps_best) {
  std::string best = best_weights_path(directory);
  return keeps_best && file_exists(best) ? best : last_checkpoint_path(directory);
}

void save_checkpoint(const std::string& directory, const Instance& instance, const CheckpointInfo& info) {
  std::vector<SavedState> states = saved_states(instance.program(), true);
  // The checksum stands before the payload: contents are read twice rather than held twice.
  Sha256 hash;
  visit_contents(instance, states, [&](const kiln_state& state, const std::vector<char>& content) {
    check_finite(state, content, info.position.step);
    hash.update(content.data(), content.size());
  });
  Metadata metadata = {{"kiln.format", std::string(format_version)},
                       {"kiln.plan_hash", info.plan_hash},
                       {"kiln.payload_sha256", hash.finish_hex()}};
  visit_numbers(
      info, [&](std::string_view name, const auto& value) { metadata.emplace_back(key_of(name), number_text(value)); });
  metadata.emplace_back("kiln.experiment", info.experiment);

  std::string last = last_checkpoint_path(directory);
  SafetensorsWriter writer(last, tensors_of(states), metadata);
  visit_contents(instance, states, [&](const kiln_state&, const std::vector<char>& content) {
    writer.write(content.data(), content.size());
  });
  writer.flush();
  if (file_exists(last)) keep_as_previous(last, previous_checkpoint_path(directory));
  writer.commit();
}

void check_states_finite(const Instance& instance, int64_t step) {
  visit_contents(
      instance, saved_states(instance.program(), true),
      [&](const kiln_state& state, const std::vector<char>& content) { check_finite(state, content, step); });
}

CheckpointInfo load_checkpoint(const std::string& path, Instance& instance, bool replan) {
  SafetensorsFile file(path);
  CheckpointInfo info = read_info(file);
  verify_payload(file, required(file, "kiln.payload_sha256"));
  const kiln_program& program = instance.program();
  if (info.plan_hash != program.plan_hash && !replan)
    throw Error(ErrorKind::mismatch,
                path + ": made under plan " + info.plan_hash.substr(0, 16) + ", this program has plan " +
                    std::string(program.plan_hash).substr(0, 16) +
                    ": results would not be bit-equal to an uninterrupted run; --replan accepts that");
  std::vector<SavedState> states = saved_states(program, true);
  std::vector<const SafetensorsTensor*> tensors;
  for (const SavedState& saved : states) {
    const SafetensorsTensor* tensor = file.find(saved.tensor.name);
    if (!tensor)
      throw Error(ErrorKind::data, path + ": holds no tensor \"" + saved.tensor.name + "\", which this network has");
    std::string problem = mismatch(*tensor, saved.tensor);
    if (!problem.empty()) throw Error(ErrorKind::data, path + ": tensor " + problem);
    tensors.push_back(tensor);
  }
  for (size_t at = 0; at < states.size(); ++at) load_state(file, *tensors[at], states[at].index, instance);
  return info;
}

ResumedCheckpoint resume_checkpoint(const std::string& directory, Instance& instance, bool replan) {
  std::string last = last_checkpoint_path(directory), previous = previous_checkpoint_path(directory);
  ResumedCheckpoint resumed;
  if (!file_exists(last) && !file_exists(previous)) return resumed;
  resumed.found = true;
  resumed.path = last;
  try {
    resumed.info = load_checkpoint(last, instance, replan);
    return resumed;
  } catch (const Error& problem) {
    // Only damage is a reason to go back; another plan or network would be so in the older file too.
    if (problem.kind != ErrorKind::data || !file_exists(previous)) throw;
    resumed.note = problem.message + "; going on from " + previous;
  }
  resumed.path = previous;
  resumed.info = load_checkpoint(previous, instance, replan);
  // The next checkpoint would put the damaged file in the place of this whole one.
  if (file_exists(last) && rename(last.c_str(), join_path(directory, "damaged.safetensors").c_str()) != 0)
    throw Error(ErrorKind::runtime, system_problem("cannot rename", last, errno));
  return resumed;
}

std::string LoadReport::summary() const {
  std::string text = path + ": " + format_integer(static_cast<int64_t>(loaded.size())) + " of " +
                     format_integer(static_cast<int64_t>(loaded.size() + missing.size() + mismatched.size())) +
                     " tensors loaded";
  append_names(text, "missing", missing);
  append_names(text, "not fitting", mismatched);
  append_names(text, "unused", unused);
  append_names(text, "begun anew", reinitialized);
  return text;
}

std::string LoadReport::json() const {
  JsonWriter json;
  json.begin_object().member("file", path);
  for (const auto& [name, values] :
       {std::pair("loaded", &loaded), std::pair("missing", &missing), std::pair("not_fitting", &mismatched),
        std::pair("unused", &unused), std::pair("begun_anew", &reinitialized)}) {
    json.key(name).begin_array();
    for (const std::string& value : *values) json.value(value);
    json.end_array();
  }
  json.end_object();
  return json.text() + "\n";
}

const SafetensorsTensor* find_weights(const SafetensorsFile& file, const std::string& name) {
  const SafetensorsTensor* average = file.find(std::string(optimizer_prefix) + average_name(name));
  return average ? average : file.find(name);
}

void verify_checksum(const SafetensorsFile& file) {
  if (const std::string* checksum = file.find_metadata("kiln.payload_sha256")) verify_payload(file, *checksum);
}

LoadReport load_weights(const std::string& path, Instance& instance, Loading loading) {
  SafetensorsFile file(path);
  verify_checksum(file);
  LoadReport report;
  report.path = path;
  const kiln_program& program = instance.program();
  std::vector<SavedState> states = saved_states(program, false);
  for (const SavedState& saved : states) {
    if (loading == Loading::to_train && program.states[saved.index].reinitialized != 0) {
      report.reinitialized.push_back(saved.tensor.name);
      continue;
    }
    const SafetensorsTensor* tensor = find_weights(file, saved.tensor.name);
    std::string problem = tensor ? mismatch(*tensor, saved.tensor) : "";
    if (!tensor) {
      report.missing.push_back(saved.tensor.name);
    } else if (!problem.empty()) {
      report.mismatched.push_back(problem);
    } else {
      load_state(file, *tensor, saved.index, instance);
      const int average = instance.find_state(average_name(saved.tensor.name));
      if (average >= 0) load_state(file, *tensor, average, instance);
      report.loaded.push_back(saved.tensor.name);
    }
  }
  for (const SafetensorsTensor& tensor : file.tensors()) {
    bool known = std::any_of(states.begin(), states.end(),
                             [&](const SavedState& saved) { return saved.tensor.name == tensor.name; });
    if (!known && !tensor.name.starts_with(optimizer_prefix)) report.unused.push_back(tensor.name);
  }
  if (report.loaded.empty() && !states.empty())
    throw Error(ErrorKind::data, "no tensor of the file fits this network: " + report.summary());
  return report;
}

void require_complete(const LoadReport& report) {
  if (!report.complete()) throw Error(ErrorKind::data, "weights are incomplete: " + report.summary());
}

void save_weights(const std::string& path, const Instance& instance) {
  std::vector<SavedState> states = saved_states(instance.program(), false);
  for (SavedState& saved : states)
    if (const int average = instance.find_state(average_name(saved.tensor.name)); average >= 0) saved.index = average;
  SafetensorsWriter writer(path, tensors_of(states), {});
  visit_contents(instance, states, [&](const kiln_state&, const std::vector<char>& content) {
    writer.write(content.data(), content.size());
  });
  writer.commit();
}

} // namespace kiln::runtime
