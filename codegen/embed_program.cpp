// Descriptions as constants: every field of every struct, in its order.
#include "codegen/embed_program.h"

#include <algorithm>
#include <variant>

namespace kiln::codegen {

namespace {

ConstantRecord<kiln_tensor> record(ConstantWriter& writer, const kiln_tensor& tensor) {
  ConstantRecord<kiln_layout> layout;
  ConstantRecord<kiln_tensor> result;
  layout.set_array(&kiln_layout::order, tensor.layout.order);
  layout.set(&kiln_layout::block_count, tensor.layout.block_count);
  for (int32_t i = 0; i < tensor.layout.block_count; ++i) {
    const kiln_block& block = tensor.layout.blocks[i];
    layout.embed(&kiln_layout::blocks, static_cast<size_t>(i),
                 ConstantRecord<kiln_block>().set(&kiln_block::dim, block.dim).set(&kiln_block::size, block.size));
  }
  result.point(&kiln_tensor::name, writer.text(tensor.name));
  result.set(&kiln_tensor::dtype, tensor.dtype).set(&kiln_tensor::rank, tensor.rank);
  result.set_array(&kiln_tensor::dims, tensor.dims);
  result.embed(&kiln_tensor::layout, layout).set(&kiln_tensor::bytes, tensor.bytes);
  return result;
}

ConstantRecord<kiln_state> record(ConstantWriter& writer, const kiln_state& state, const std::string& data) {
  ConstantRecord<kiln_initializer> initializer;
  initializer.set(&kiln_initializer::kind, state.initializer.kind);
  initializer.set(&kiln_initializer::a, state.initializer.a).set(&kiln_initializer::b, state.initializer.b);
  ConstantRecord<kiln_state> result;
  result.embed(&kiln_state::tensor, record(writer, state.tensor)).set(&kiln_state::role, state.role);
  result.embed(&kiln_state::initializer, initializer).set(&kiln_state::stream, state.stream);
  result.set(&kiln_state::reinitialized, state.reinitialized);
  return result.point(&kiln_state::data, data);
}

ConstantRecord<kiln_buffer> record(const kiln_buffer& buffer) {
  ConstantRecord<kiln_buffer> result;
  result.set(&kiln_buffer::kind, buffer.kind).set(&kiln_buffer::index, buffer.index);
  result.set(&kiln_buffer::offset, buffer.offset).set(&kiln_buffer::bytes, buffer.bytes);
  return result.set(&kiln_buffer::first_step, buffer.first_step).set(&kiln_buffer::last_step, buffer.last_step);
}

ConstantRecord<kiln_step> record(ConstantWriter& writer, const kiln_step& step) {
  ConstantRecord<kiln_step> result;
  result.point(&kiln_step::name, writer.text(step.name)).point(&kiln_step::op, writer.text(step.op));
  result.point(&kiln_step::kernel, writer.text(step.kernel)).point(&kiln_step::layers, writer.text(step.layers));
  return result.set(&kiln_step::flops, step.flops).set(&kiln_step::bytes, step.bytes);
}

ConstantRecord<kiln_result> record(ConstantWriter& writer, const kiln_result& result) {
  ConstantRecord<kiln_result> record_of;
  record_of.embed(&kiln_result::tensor, record(writer, result.tensor)).set(&kiln_result::kind, result.kind);
  record_of.set(&kiln_result::step, result.step).set(&kiln_result::buffer, result.buffer);
  return record_of.set(&kiln_result::gradient, result.gradient);
}

ConstantRecord<kiln_function> record(ConstantWriter& writer, const kiln_function& function, const std::string& entry) {
  std::vector<ConstantRecord<kiln_tensor>> inputs, outputs;
  for (int32_t i = 0; i < function.input_count; ++i) inputs.push_back(record(writer, function.inputs[i]));
  for (int32_t i = 0; i < function.output_count; ++i) outputs.push_back(record(writer, function.outputs[i]));
  std::vector<ConstantRecord<kiln_buffer>> buffers;
  for (int32_t i = 0; i < function.buffer_count; ++i) buffers.push_back(record(function.buffers[i]));
  std::vector<ConstantRecord<kiln_step>> steps;
  for (int32_t i = 0; i < function.step_count; ++i) steps.push_back(record(writer, function.steps[i]));
  ConstantRecord<kiln_function> result;
  result.point(&kiln_function::name, writer.text(function.name)).point(&kiln_function::entry, entry);
  result.set(&kiln_function::batch, function.batch);
  result.point(&kiln_function::inputs, writer.array(inputs)).set(&kiln_function::input_count, function.input_count);
  result.point(&kiln_function::outputs, writer.array(outputs));
  result.set(&kiln_function::output_count, function.output_count);
  result.point(&kiln_function::buffers, writer.array(buffers));
  result.set(&kiln_function::buffer_count, function.buffer_count);
  result.point(&kiln_function::steps, writer.array(steps)).set(&kiln_function::step_count, function.step_count);
  std::vector<ConstantRecord<kiln_result>> results;
  for (int32_t i = 0; i < function.result_count; ++i) results.push_back(record(writer, function.results[i]));
  result.point(&kiln_function::results, writer.array(results));
  result.set(&kiln_function::result_count, function.result_count);
  result.set(&kiln_function::arena_bytes, function.arena_bytes);
  return result.set(&kiln_function::scratch_bytes, function.scratch_bytes);
}

ConstantRecord<kiln_augment_stage> record(ConstantWriter& writer, const kiln_augment_stage& stage) {
  ConstantRecord<kiln_outside> outside;
  outside.set(&kiln_outside::border, stage.outside.border);
  outside.point(&kiln_outside::fill, writer.bytes(stage.outside.fill, static_cast<size_t>(stage.outside.fill_count)));
  outside.set(&kiln_outside::fill_count, stage.outside.fill_count);
  ConstantRecord<kiln_augment_stage> result;
  result.set(&kiln_augment_stage::kind, stage.kind).set(&kiln_augment_stage::stream, stage.stream);
  result.set(&kiln_augment_stage::angle, stage.angle).set_array(&kiln_augment_stage::scale, stage.scale);
  result.set_array(&kiln_augment_stage::aspect, stage.aspect);
  result.set(&kiln_augment_stage::logarithmic, stage.logarithmic);
  result.set(&kiln_augment_stage::padding, stage.padding).set(&kiln_augment_stage::height, stage.height);
  result.set(&kiln_augment_stage::width, stage.width).embed(&kiln_augment_stage::outside, outside);
  result.set(&kiln_augment_stage::probability, stage.probability);
  result.set_array(&kiln_augment_stage::brightness, stage.brightness);
  result.set_array(&kiln_augment_stage::contrast, stage.contrast);
  result.set_array(&kiln_augment_stage::saturation, stage.saturation);
  result.set_array(&kiln_augment_stage::power, stage.power).set_array(&kiln_augment_stage::factor, stage.factor);
  result.set(&kiln_augment_stage::shift, stage.shift).set(&kiln_augment_stage::hue, stage.hue);
  result.set_array(&kiln_augment_stage::area, stage.area).set(&kiln_augment_stage::noise, stage.noise);
  result.set(&kiln_augment_stage::only_repeats, stage.only_repeats);
  result.set_array(&kiln_augment_stage::colors, stage.colors).set(&kiln_augment_stage::strength, stage.strength);
  return result.set(&kiln_augment_stage::alpha, stage.alpha);
}

ConstantRecord<kiln_stated_schedule> record(ConstantWriter& writer, const kiln_stated_schedule& schedule) {
  using Stated = kiln_stated_schedule;
  ConstantRecord<Stated> result;
  result.set(&Stated::kind, schedule.kind).set(&Stated::in_epochs, schedule.in_epochs);
  result.set(&Stated::base, schedule.base).set(&Stated::gamma, schedule.gamma).set(&Stated::power, schedule.power);
  result.set(&Stated::floor, schedule.floor).set(&Stated::middle, schedule.middle).set(&Stated::rise, schedule.rise);
  result.set(&Stated::rise_from, schedule.rise_from).set(&Stated::fall_to, schedule.fall_to);
  result.set(&Stated::every, schedule.every);
  const std::span milestones(schedule.milestones, static_cast<size_t>(schedule.milestone_count));
  result.point(&Stated::milestones, writer.values(milestones));
  return result.set(&Stated::milestone_count, schedule.milestone_count).set(&Stated::warmup, schedule.warmup);
}

ConstantRecord<kiln_watch> record(const kiln_watch& watch) {
  ConstantRecord<kiln_watch> result;
  result.set(&kiln_watch::measure, watch.measure).set(&kiln_watch::patience, watch.patience);
  return result.set(&kiln_watch::least_change, watch.least_change);
}

ConstantRecord<kiln_test_rules> record(const kiln_test_rules& rules) {
  ConstantRecord<kiln_test_rules> result;
  result.embed(&kiln_test_rules::plateau, record(rules.plateau)).set(&kiln_test_rules::factor, rules.factor);
  result.set(&kiln_test_rules::least_rate, rules.least_rate);
  result.embed(&kiln_test_rules::early_stop, record(rules.early_stop));
  return result.set(&kiln_test_rules::keep_best, rules.keep_best);
}

ConstantRecord<kiln_class_rules> record(const kiln_class_rules& rules) {
  ConstantRecord<kiln_class_rules> result;
  result.set(&kiln_class_rules::balance, rules.balance).set(&kiln_class_rules::at_least, rules.at_least);
  return result.set(&kiln_class_rules::at_most, rules.at_most);
}

ConstantRecord<kiln_fit> record(ConstantWriter& writer, const runtime::FitRule& rule) {
  ConstantRecord<kiln_fit> fit;
  fit.set(&kiln_fit::kind, static_cast<int32_t>(rule.kind)).set(&kiln_fit::filter, static_cast<int32_t>(rule.filter));
  fit.set(&kiln_fit::height, rule.target.height).set(&kiln_fit::width, rule.target.width);
  fit.set(&kiln_fit::channels, rule.target.channels).set(&kiln_fit::shorter_side, rule.shorter_side);
  fit.point(&kiln_fit::fill, writer.bytes(rule.fill.data(), rule.fill.size()));
  return fit.set(&kiln_fit::fill_count, static_cast<int32_t>(rule.fill.size()));
}

// Fills in what is of one kind of source.
class SourceRecord {
public:
  SourceRecord(ConstantWriter& writer, ConstantRecord<kiln_data>& data) : writer_(writer), data_(data) {}

  void operator()(const std::monostate&) { kind(KILN_SOURCE_NONE); }
  void operator()(const runtime::IdxData& idx) {
    kind(KILN_SOURCE_IDX);
    for (runtime::Split split : runtime::all_splits) files(split, one(idx.images[split]), idx.labels[split]);
  }
  void operator()(const runtime::FolderData& folder) {
    kind(KILN_SOURCE_FOLDER);
    for (runtime::Split split : runtime::all_splits) files(split, one(folder.folders[split]));
  }
  void operator()(const runtime::ListData& list) {
    kind(KILN_SOURCE_LIST);
    for (runtime::Split split : runtime::all_splits) files(split, one(list.files[split]));
    data_.set(&kiln_data::list_format, static_cast<int32_t>(list.options.format));
    data_.set(&kiln_data::list_has_header, list.options.has_header ? 1 : 0);
    data_.point(&kiln_data::list_root, writer_.text(list.options.root));
  }
  void operator()(const runtime::CifarData& cifar) {
    kind(KILN_SOURCE_CIFAR);
    for (runtime::Split split : runtime::all_splits) files(split, cifar.files[split]);
    data_.set(&kiln_data::cifar_kind, static_cast<int32_t>(cifar.kind));
  }
  void operator()(const runtime::NpyData& npy) {
    kind(KILN_SOURCE_NPY);
    for (runtime::Split split : runtime::all_splits) {
      const runtime::NpyArrays& arrays = npy.arrays[split];
      ConstantRecord<kiln_split_files> record =
          files_of(one(arrays.image.file), arrays.label.file, arrays.image.array, arrays.label.array);
      std::vector<std::string> names, paths, members;
      for (const runtime::NamedArray& input : arrays.inputs) {
        names.push_back(input.name);
        paths.push_back(input.place.file);
        members.push_back(input.place.array);
      }
      record.point(&kiln_split_files::input_names, writer_.texts(names));
      record.point(&kiln_split_files::input_paths, writer_.texts(paths));
      record.point(&kiln_split_files::input_arrays, writer_.texts(members));
      record.set(&kiln_split_files::input_count, static_cast<int32_t>(names.size()));
      data_.embed(&kiln_data::splits, static_cast<size_t>(split), record);
    }
    data_.set(&kiln_data::channels_first, npy.arrays[runtime::Split::train].channels_first ? 1 : 0);
  }

private:
  static std::vector<std::string> one(const std::string& path) {
    return path.empty() ? std::vector<std::string>() : std::vector<std::string>{path};
  }
  void kind(kiln_source_kind kind) { data_.set(&kiln_data::kind, kind); }
  void files(runtime::Split split, const std::vector<std::string>& paths, const std::string& label = {}) {
    data_.embed(&kiln_data::splits, static_cast<size_t>(split), files_of(paths, label, {}, {}));
  }
  ConstantRecord<kiln_split_files> files_of(const std::vector<std::string>& paths, const std::string& label,
                                            const std::string& image_array, const std::string& label_array) {
    ConstantRecord<kiln_split_files> record;
    record.point(&kiln_split_files::paths, writer_.texts(paths));
    record.set(&kiln_split_files::path_count, static_cast<int32_t>(paths.size()));
    record.point(&kiln_split_files::label_path, writer_.text(label));
    record.point(&kiln_split_files::image_array, writer_.text(image_array));
    record.point(&kiln_split_files::label_array, writer_.text(label_array));
    return record;
  }

  ConstantWriter& writer_;
  ConstantRecord<kiln_data>& data_;
};

} // namespace

std::string embed(ConstantWriter& writer, const kiln_program& program, const ProgramSymbols& symbols) {
  std::vector<ConstantRecord<kiln_state>> states;
  for (int32_t i = 0; i < program.state_count; ++i) {
    const kiln_state& state = program.states[i];
    states.push_back(
        record(writer, state, state.data && symbols.states ? symbols.states(static_cast<size_t>(i)) : std::string()));
  }
  std::vector<ConstantRecord<kiln_function>> functions;
  for (int32_t i = 0; i < program.function_count; ++i)
    functions.push_back(record(writer, program.functions[i], symbols.entries[static_cast<size_t>(i)]));
  const std::vector<std::string> names(program.class_names, program.class_names + program.class_count);
  std::vector<ConstantRecord<kiln_loss>> losses;
  for (int32_t i = 0; i < program.loss_count; ++i) {
    ConstantRecord<kiln_loss>& loss = losses.emplace_back();
    loss.point(&kiln_loss::name, writer.text(program.losses[i].name)).set(&kiln_loss::weight, program.losses[i].weight);
  }
  ConstantRecord<kiln_program> result;
  result.set(&kiln_program::abi_version, program.abi_version);
  result.point(&kiln_program::name, writer.text(program.name));
  result.point(&kiln_program::plan_hash, writer.text(program.plan_hash));
  result.point(&kiln_program::isa, writer.text(program.isa));
  result.point(&kiln_program::states, writer.array(states)).set(&kiln_program::state_count, program.state_count);
  result.point(&kiln_program::functions, writer.array(functions));
  result.set(&kiln_program::function_count, program.function_count);
  result.point(&kiln_program::experiment, writer.text(program.experiment));
  result.point(&kiln_program::class_names, writer.texts(names));
  result.set(&kiln_program::class_count, program.class_count);
  result.set(&kiln_program::ignores_label, program.ignores_label);
  result.set(&kiln_program::ignored_label, program.ignored_label);
  result.point(&kiln_program::losses, writer.array(losses)).set(&kiln_program::loss_count, program.loss_count);
  result.set(&kiln_program::confusion_matrix, program.confusion_matrix);
  result.set(&kiln_program::per_class, program.per_class);
  return writer.record(result);
}

std::string embed(ConstantWriter& writer, const kiln_recipe& recipe) {
  std::vector<ConstantRecord<kiln_augment_stage>> stages;
  for (int32_t i = 0; i < recipe.augmentation_count; ++i) stages.push_back(record(writer, recipe.augmentation[i]));
  ConstantRecord<kiln_recipe> result;
  result.set(&kiln_recipe::batch, recipe.batch).set(&kiln_recipe::epochs, recipe.epochs);
  result.set(&kiln_recipe::seed, recipe.seed).embed(&kiln_recipe::schedule, record(writer, recipe.schedule));
  result.set(&kiln_recipe::checkpoint_every_steps, recipe.checkpoint_every_steps);
  result.set(&kiln_recipe::evaluate_every_epochs, recipe.evaluate_every_epochs);
  result.set(&kiln_recipe::health_every_steps, recipe.health_every_steps);
  result.embed(&kiln_recipe::test_rules, record(recipe.test_rules));
  result.embed(&kiln_recipe::class_rules, record(recipe.class_rules));
  result.point(&kiln_recipe::weights, writer.text(recipe.weights));
  result.set(&kiln_recipe::evaluation_batch, recipe.evaluation_batch);
  result.set(&kiln_recipe::shuffle, recipe.shuffle).set(&kiln_recipe::wrap_tail, recipe.wrap_tail);
  result.point(&kiln_recipe::augmentation, writer.array(stages));
  result.set(&kiln_recipe::augmentation_count, recipe.augmentation_count);
  result.set(&kiln_recipe::skips_bad_records, recipe.skips_bad_records);
  return writer.record(result);
}

std::string embed(ConstantWriter& writer, const runtime::DataDescription& data) {
  ConstantRecord<kiln_data> result;
  std::visit(SourceRecord(writer, result), data.source);
  result.point(&kiln_data::class_names, writer.texts(data.class_names));
  result.set(&kiln_data::class_count, static_cast<int32_t>(data.class_names.size()));
  result.embed(&kiln_data::fit, record(writer, data.fit)).set(&kiln_data::resizes, data.resizes ? 1 : 0);
  uint8_t background[3];
  std::copy(data.background.begin(), data.background.end(), background);
  result.set_array(&kiln_data::background, background);
  result.set(&kiln_data::validation_share, data.split.validation).set(&kiln_data::test_share, data.split.test);
  result.set(&kiln_data::split_seed, data.split.seed).set(&kiln_data::cache_bytes, data.cache_bytes);
  return writer.record(result);
}

} // namespace kiln::codegen
