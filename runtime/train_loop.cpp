// Trains a compiled program on a data source: the loop behind `kiln train` and behind a native trainer.
// Killed anywhere and resumed, it ends with the bits of a run never stopped.
#include "runtime/train_loop.h"

#include "runtime/augment/augmenter.h"
#include "runtime/augment/crop.h"
#include "runtime/augment/mixer.h"
#include "runtime/checkpoint.h"
#include "runtime/derived_sources.h"
#include "runtime/divergence.h"
#include "runtime/epoch_samples.h"
#include "runtime/error.h"
#include "runtime/evaluate.h"
#include "runtime/file_io.h"
#include "runtime/function_io.h"
#include "runtime/health.h"
#include "runtime/instance.h"
#include "runtime/number_format.h"
#include "runtime/prefetcher.h"
#include "runtime/run_directory.h"
#include "runtime/run_records.h"
#include "runtime/schedule.h"
#include "runtime/signals.h"
#include "runtime/test_watch.h"
#include "runtime/weights_hash.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <memory>
#include <optional>
#include <span>
#include <sys/resource.h>

namespace kiln::runtime {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// NaN where nothing was counted: it is shown as nothing, not as 0.
double share(double part, double whole) { return whole > 0 ? part / whole : not_measured; }

// One thread has to be left to compute.
int count_workers(const TrainOptions& options) {
  return std::clamp(options.input_workers, 0, std::max(options.threads - 1, 0));
}

std::span<const kiln_augment_stage> augmentation_of(const TrainOptions& options) {
  return {options.training->augmentation, static_cast<size_t>(options.training->augmentation_count)};
}

std::optional<EpochSamples> select_samples(const TrainOptions& options) {
  if (!is_selective(options.training->class_rules)) return std::nullopt;
  return EpochSamples(*options.train, options.training->class_rules);
}

class Trainer {
public:
  explicit Trainer(const TrainOptions& options);
  TrainResult run();

private:
  void open_run();
  void describe_run() const;
  bool resume(); // whether there was a checkpoint
  void begin_states(bool resumes);
  bool load_given_weights();
  void bind_data();
  void check_resumed(const CheckpointInfo& info, const std::string& path) const;
  void run_steps();
  void run_step(Prefetcher& prefetcher);
  void set_inputs(Prefetcher::Batch batch, double rate);
  void replay_before(const std::function<void(Prefetcher&)>& run_last);
  [[noreturn]] void tell_divergence(float loss, double rate, Prefetcher& prefetcher);
  Prefetcher::Batch next_batch(Prefetcher& prefetcher);
  void tell_bad_records();
  bool finish_epoch();
  bool evaluate();
  void heed_test();
  void save();
  TrainResult result() const;
  std::vector<std::string> further_names() const;
  std::vector<std::string> recorded_names() const;
  std::vector<NamedMetric> recorded(bool evaluated) const;
  bool is_health_due() const;
  void after_plan_step(int32_t step);
  std::vector<NamedMetric> further(bool evaluated) const;
  ReportFacts report_facts() const;
  void write_class_metrics(const Evaluation& evaluation) const;

  BatchOrder::Options order_options() const {
    const int64_t samples = selected_ ? selected_->size() : options_.train->size();
    const bool shuffles = training_.shuffle != 0, wraps = training_.wrap_tail != 0;
    return {samples, training_.batch, training_.seed, shuffles, wraps, selected_ ? &*selected_ : nullptr};
  }
  bool epoch_complete() const { return position_.samples == steps_per_epoch_ * training_.batch; }
  int signal() const { return signals_ ? signals_->caught() : 0; }
  double rate_at(int64_t step) const {
    const double rate = learning_rate_at(training_.schedule, step);
    return position_.rate_divisions > 0 ? divided_rate(rate, training_.test_rules, position_.rate_divisions) : rate;
  }
  bool is_stopped() const { return position_.is_stopped != 0; }
  // Null under the policy to fail.
  BadRecords* noted_records() { return options_.on_bad_record == BadRecordPolicy::skip ? &bad_records_ : nullptr; }
  void tick(); // adds the time since the last tick to the training's

  const TrainOptions& options_;
  const kiln_program& program_;
  const kiln_training& training_;
  const kiln_function& function_;
  // Inputs and outputs of the function; -1: correct_ where labels are no classes, penalty_ where there is none.
  int rate_, loss_, correct_, penalty_;
  LabelCount labels_;
  std::vector<BoundField> fields_; // what batches hold
  BadRecords bad_records_;
  int64_t bad_records_told_ = 0;
  std::optional<EpochSamples> selected_; // where an epoch is not every sample once
  std::unique_ptr<DataSource> one_hot_;  // what is read, where batches are mixed
  std::optional<Augmenter> augmenter_;
  std::optional<Mixer> mixer_;
  std::optional<BatchReader> reader_; // its parts are fields_
  int64_t steps_per_epoch_;
  int64_t last_step_; // the run ends after this many steps
  int workers_;
  double start_ = now();

  Progress progress_;
  std::optional<SignalGuard> signals_;
  std::optional<RunDirectory> directory_;
  std::optional<Instance> instance_;
  std::optional<FunctionMemory> memory_;
  std::optional<DivergenceProbe> probe_;
  std::optional<HealthMonitor> health_; // only where it is looked at and recorded
  bool looks_at_health_ = false;        // in the step that runs
  std::optional<Evaluator> evaluator_;
  std::optional<Evaluation> evaluation_; // the last one of this process
  std::optional<RunRecords> records_;

  TrainingPosition position_;
  bool saved_ = false;          // position_ and the states are those of the last checkpoint
  int64_t evaluated_step_ = -1; // that position_.last_test_loss belongs to
  int64_t first_step_ = 0;      // of this process
  int64_t epoch_first_step_ = 0;
  double last_tick_ = 0;
  double training_seconds_ = 0; // of this process: steps, input, checkpoints; no evaluation
  double epoch_seconds_ = 0;    // the part in the unfinished epoch
};

Trainer::Trainer(const TrainOptions& options)
    : options_(options), program_(*options.program), training_(*options.training),
      function_(require_function(program_, "train_step", training_.batch)),
      rate_(require_input(function_, "learning_rate", KILN_F32)), loss_(require_output(function_, "loss", KILN_F32)),
      correct_(find_output(function_, "correct", KILN_F32)), penalty_(find_output(function_, "penalty", KILN_F32)),
      labels_(program_, function_), selected_(select_samples(options)),
      steps_per_epoch_(BatchOrder(order_options()).steps_per_epoch()), workers_(count_workers(options)),
      progress_(options.progress) {
  if (__builtin_mul_overflow(training_.epochs, steps_per_epoch_, &last_step_)) last_step_ = INT64_MAX;
  if (options.max_steps > 0) last_step_ = std::min(last_step_, options.max_steps);
}

TrainResult Trainer::run() {
  open_run();
  Progress::Run shown{training_.epochs, steps_per_epoch_, position_.step,
                      last_step_,       training_.batch,  options_.evaluated};
  first_step_ = epoch_first_step_ = position_.step;
  last_tick_ = now();
  progress_.begin(shown);
  run_steps();
  if (signal() == 0 && evaluator_ && evaluated_step_ != position_.step) evaluate();
  if (int caught = signal(); caught != 0) {
    std::string note = caught == SIGINT ? "stopped by SIGINT" : "stopped by SIGTERM";
    note += " after step " + format_integer(position_.step);
    if (directory_) note += "; --resume goes on from " + last_checkpoint_path(directory_->checkpoints());
    progress_.note(note);
  }
  return result();
}

// In this order: what can be wrong with the input, with the directory, and only then what costs time.
void Trainer::open_run() {
  bind_data();
  require_tests(training_, options_.test != nullptr, program_classes(program_) > 0);
  if (options_.test)
    check_source(program_, require_function(program_, "evaluate", options_.evaluate_batch), *options_.test);
  if (options_.resume && options_.run_directory.empty())
    throw Error(ErrorKind::usage, "there is nothing to resume without a run directory");
  if (!options_.run_directory.empty()) {
    directory_.emplace(options_.run_directory, options_.resume);
    if (!options_.resume) describe_run();
  }
  if (options_.catch_signals) signals_.emplace();
  Instance::Options instance_options;
  instance_options.threads = std::max(1, options_.threads - workers_);
  instance_options.debug_arena = options_.debug_arena;
  instance_.emplace(program_, instance_options);
  memory_.emplace(function_);
  probe_.emplace(*instance_, function_, loss_);
  if (options_.test)
    evaluator_.emplace(*instance_, *options_.test, options_.evaluate_batch, options_.evaluated, noted_records());
  begin_states(options_.resume);
  if (!directory_) return;
  if (options_.resume) describe_run(); // now that it was not refused
  if (options_.resume) bad_records_.load(directory_->bad_records());
  bad_records_told_ = bad_records_.count();
  if (training_.health_every_steps > 0) health_.emplace(*instance_, function_);
  if (health_ && !health_->has_something()) health_.reset();
  records_.emplace(directory_->path(), report_facts(), recorded_names(), position_.step, position_.epoch);
  if (health_ && records_->last_health().epoch == position_.epoch + 1) health_->restore(records_->last_health());
}

// What comes out of augmentation has the shape of images cut from the middle.
void Trainer::bind_data() {
  const bool has_images = options_.train->find_field(image_name) != nullptr;
  const auto stages = image_stages(augmentation_of(options_)), mixing = batch_stages(augmentation_of(options_));
  if (has_images && !mixing.empty())
    one_hot_ = std::make_unique<OneHotSource>(*options_.train, program_classes(program_));
  const DataSource& read = one_hot_ ? *one_hot_ : *options_.train;
  std::unique_ptr<DataSource> cropped;
  if (has_images && !stages.empty()) {
    augmenter_.emplace(stages, read.image_shape(), training_.seed);
    cropped = crop_center(read, augmenter_->shape().height, augmenter_->shape().width);
  }
  const DataSource& seen = cropped ? *cropped : read;
  if (one_hot_) mixer_.emplace(mixing, seen.image_shape(), program_classes(program_), training_.seed);
  check_source(program_, function_, seen);
  fields_ = bind_fields(function_, seen);
  for (const BoundField& bound : fields_)
    if (const Field& field = seen.fields()[bound.field];
        (cropped || mixer_) && field.name != image_name && field.dims.size() > 1)
      throw Error(ErrorKind::unsupported, "augmentation changes images alone, but \"" + field.name +
                                              "\" has a place for each of their pixels: " + to_string(field));
  reader_.emplace(read, field_numbers(fields_), Split::train, noted_records(), augmenter_ ? &*augmenter_ : nullptr,
                  mixer_ ? &*mixer_ : nullptr);
}

void Trainer::describe_run() const {
  directory_->describe_run(program_.experiment ? program_.experiment : "",
                           environment_json(program_, training_, options_.threads, options_.kiln_version));
}

// What the first step begins with, or the step after a checkpoint.
void Trainer::begin_states(bool resumes) {
  instance_->initialize(training_.seed);
  bool knows_data = !options_.weights.empty() && load_given_weights();
  if (resumes && resume()) knows_data = true;
  if (!knows_data && options_.measure_data) options_.measure_data(*instance_);
}

// Whether they hold what pre-processing takes from the data.
bool Trainer::load_given_weights() {
  const LoadReport report = load_weights(options_.weights, *instance_, Loading::to_train);
  progress_.note(report.summary());
  if (directory_) write_text_file(join_path(directory_->path(), "loaded_weights.json"), report.json());
  const std::vector<std::string>& loaded = report.loaded;
  return std::all_of(options_.data_statistics.begin(), options_.data_statistics.end(), [&](const std::string& name) {
    return std::find(loaded.begin(), loaded.end(), name) != loaded.end();
  });
}

bool Trainer::resume() {
  ResumedCheckpoint resumed = resume_checkpoint(directory_->checkpoints(), *instance_, options_.replan);
  if (!resumed.found) {
    progress_.note("no checkpoint in " + directory_->checkpoints() + " yet: starting from the beginning");
    return false;
  }
  if (!resumed.note.empty()) progress_.note(resumed.note);
  check_resumed(resumed.info, resumed.path);
  position_ = resumed.info.position;
  // Another plan may come with another batch size: the samples of a batch begun are seen again, and leave the sums in
  // which they would count twice.
  if (const int64_t begun = position_.samples % training_.batch; begun != 0) {
    const double kept = 1 - static_cast<double>(begun) / static_cast<double>(position_.samples);
    position_.samples -= begun;
    position_.loss_sum *= kept;
    position_.correct_sum *= kept;
    position_.counted *= kept;
  }
  saved_ = resumed.note.empty();
  progress_.note("resumed from " + resumed.path + " after step " + format_integer(position_.step));
  return true;
}

void Trainer::check_resumed(const CheckpointInfo& info, const std::string& path) const {
  auto text = [](uint64_t value) {
    std::string digits;
    append_unsigned(digits, value);
    return digits;
  };
  if (info.seed != training_.seed)
    throw Error(ErrorKind::mismatch,
                path + ": made with seed " + text(info.seed) + ", this run has seed " + text(training_.seed));
  if (info.train_samples != options_.train->size())
    throw Error(ErrorKind::data, path + ": made on a training set of " + format_integer(info.train_samples) +
                                     " samples, it has " + format_integer(options_.train->size()) + " now");
  if (info.position.samples > steps_per_epoch_ * training_.batch)
    throw Error(ErrorKind::data, path + ": stands at sample " + format_integer(info.position.samples) +
                                     " of its epoch, which has " + format_integer(steps_per_epoch_ * training_.batch));
}

void Trainer::run_steps() {
  // Stopped between an epoch's last step and the end of its evaluation.
  if (epoch_complete() && !finish_epoch()) return;
  if (position_.step < last_step_ && !is_stopped()) {
    Prefetcher::Options input;
    input.order = order_options();
    input.first_epoch = position_.epoch;
    input.first_step = position_.samples / training_.batch;
    input.batches = last_step_ - position_.step;
    input.workers = workers_;
    input.pool = &instance_->pool();
    Prefetcher prefetcher(*reader_, input);
    while (position_.step < last_step_ && signal() == 0 && !is_stopped()) {
      run_step(prefetcher);
      if (epoch_complete()) {
        if (!finish_epoch()) break;
      } else if (training_.checkpoint_every_steps > 0 && position_.step % training_.checkpoint_every_steps == 0) {
        save();
      }
      tick();
    }
  }
  if (!saved_) save();
  if (records_) records_->write_report();
}

// What the steps before have learnt is not lost with a file.
Prefetcher::Batch Trainer::next_batch(Prefetcher& prefetcher) {
  try {
    return prefetcher.next();
  } catch (Error& error) {
    if (error.kind != ErrorKind::data || position_.step == first_step_) throw;
    error.message += " (at step " + format_integer(position_.step + 1);
    if (directory_) {
      if (!saved_) save();
      error.message += "; --resume goes on from " + last_checkpoint_path(directory_->checkpoints());
    }
    error.message += "; on_bad_record: SKIP passes over what cannot be read)";
    throw;
  }
}

void Trainer::tell_bad_records() {
  const int64_t count = bad_records_.count();
  if (count == bad_records_told_) return;
  bad_records_told_ = count;
  progress_.note("passed over " + format_integer(count) + (count == 1 ? " bad record" : " bad records") +
                 " so far, the last: " + bad_records_.last_problem());
}

void Trainer::run_step(Prefetcher& prefetcher) {
  const Prefetcher::Batch batch = next_batch(prefetcher);
  const double rate = rate_at(position_.step);
  set_inputs(batch, rate);
  looks_at_health_ = is_health_due();
  instance_->set_step_hook([](void* self, int32_t step) { static_cast<Trainer*>(self)->after_plan_step(step); }, this);
  instance_->run(function_, memory_->inputs(), memory_->outputs(), training_.seed,
                 static_cast<uint64_t>(position_.step));
  instance_->set_step_hook(nullptr, nullptr);
  float loss = *memory_->output(loss_);
  if (!std::isfinite(loss)) tell_divergence(loss, rate, prefetcher);
  double correct = 0, counted = 0;
  if (correct_ >= 0) {
    for (int64_t row = 0; row < training_.batch; ++row) correct += double{memory_->output(correct_)[row]};
    counted =
        static_cast<double>(labels_.counted(memory_->inputs()[static_cast<size_t>(labels_.input())], training_.batch));
  }
  saved_ = false;
  ++position_.step;
  position_.samples += training_.batch;
  position_.loss_sum += double{loss} * static_cast<double>(training_.batch);
  position_.correct_sum += correct;
  position_.counted += counted;

  StepMetrics metrics{position_.step, position_.epoch + 1, loss, share(correct, counted), rate};
  if (records_) records_->add_step(metrics);
  if (options_.watch_step && !options_.watch_step(metrics)) last_step_ = position_.step;
  if (looks_at_health_) records_->add_health(health_->finish(position_.step, position_.epoch + 1));
  // People see the epoch's means, which jump less.
  metrics.loss = static_cast<float>(position_.loss_sum / static_cast<double>(position_.samples));
  metrics.accuracy = share(position_.correct_sum, position_.counted);
  progress_.step(metrics, prefetcher.seconds_waited());
}

// Goes again from the last checkpoint, or from where this process began, to the step before the one that failed, and
// calls `run_last` where that one is to be run. Does nothing where the states to begin with are gone.
void Trainer::replay_before(const std::function<void(Prefetcher&)>& run_last) {
  TrainingPosition start;
  if (directory_ && file_exists(last_checkpoint_path(directory_->checkpoints()))) {
    start = load_checkpoint(last_checkpoint_path(directory_->checkpoints()), *instance_, options_.replan).position;
  } else if (first_step_ == 0) {
    begin_states(false);
  } else {
    return;
  }
  const int64_t steps = position_.step - start.step;
  if (steps < 1 || start.samples % training_.batch != 0) return;
  progress_.note("running " + format_integer(steps) + " steps again to find the first value that is not finite");
  Prefetcher::Options input;
  input.order = order_options();
  input.first_epoch = start.epoch;
  input.first_step = start.samples / training_.batch;
  input.batches = steps;
  input.pool = &instance_->pool();
  Prefetcher prefetcher(*reader_, input);
  for (int64_t step = start.step; step < position_.step && signal() == 0; ++step) {
    set_inputs(prefetcher.next(), rate_at(step));
    if (step + 1 == position_.step) return run_last(prefetcher);
    instance_->run(function_, memory_->inputs(), memory_->outputs(), training_.seed, static_cast<uint64_t>(step));
  }
}

void Trainer::set_inputs(Prefetcher::Batch batch, double rate) {
  for (size_t i = 0; i < fields_.size(); ++i) memory_->set_input(fields_[i].input, batch[i]);
  *reinterpret_cast<float*>(memory_->input(rate_)) = static_cast<float>(rate);
}

void Trainer::tell_divergence(float loss, double rate, Prefetcher& prefetcher) {
  std::string text = "training diverged: the loss is " + std::string(std::isnan(loss) ? "NaN" : "infinite") +
                     " at step " + format_integer(position_.step + 1) + " (epoch " +
                     format_integer(position_.epoch + 1) + ", learning rate " + format_double(rate) + ")";
  const auto row_name = [this](Prefetcher& from) {
    return [this, &from](int64_t row) {
      return options_.train->describe(sample_of(from.indices()[static_cast<size_t>(row)]));
    };
  };
  std::string why = probe_->explain(memory_->inputs(), memory_->outputs(), training_.seed,
                                    static_cast<uint64_t>(position_.step), row_name(prefetcher));
  if (probe_->began_spoilt()) {
    std::string earlier;
    replay_before([&](Prefetcher& from) {
      earlier = probe_->run_and_explain(memory_->inputs(), memory_->outputs(), training_.seed,
                                        static_cast<uint64_t>(position_.step - 1), row_name(from));
    });
    if (!earlier.empty()) why += "; that step, " + earlier;
  }
  if (!why.empty()) text += "; " + why;
  if (directory_ && file_exists(last_checkpoint_path(directory_->checkpoints())))
    text += "; the last good checkpoint is " + last_checkpoint_path(directory_->checkpoints());
  throw Error(ErrorKind::diverged, text);
}

// False if a signal came before the epoch's evaluation ended: the checkpoint then says that it is outstanding.
bool Trainer::finish_epoch() {
  tick();
  int64_t epoch = position_.epoch + 1;
  bool due = epoch == training_.epochs ||
             (training_.evaluate_every_epochs > 0 && epoch % training_.evaluate_every_epochs == 0);
  bool evaluated = due && evaluator_;
  if (signal() != 0 || (evaluated && !evaluate())) return false;

  double samples = static_cast<double>(position_.samples);
  EpochMetrics metrics;
  metrics.epoch = epoch;
  metrics.step = position_.step;
  metrics.learning_rate = rate_at(position_.step - 1);
  metrics.train_loss = position_.last_train_loss = position_.loss_sum / samples;
  metrics.train_accuracy = position_.last_train_accuracy = share(position_.correct_sum, position_.counted);
  metrics.test_loss = evaluated ? position_.last_test_loss : not_measured;
  metrics.test_accuracy = evaluated ? position_.last_test_accuracy : not_measured;
  metrics.seconds = epoch_seconds_;
  int64_t own_samples = (position_.step - epoch_first_step_) * training_.batch;
  metrics.samples_per_second = epoch_seconds_ > 0 ? static_cast<double>(own_samples) / epoch_seconds_ : 0;
  if (records_) records_->add_epoch(metrics, recorded(evaluated));
  progress_.epoch(metrics);
  tell_bad_records();
  if (evaluated) heed_test();

  position_.epoch = epoch;
  position_.samples = 0;
  position_.loss_sum = position_.correct_sum = position_.counted = 0;
  epoch_first_step_ = position_.step;
  epoch_seconds_ = 0;
  if (health_) health_->begin_epoch();
  save();
  if (records_) records_->write_report();
  return true;
}

bool Trainer::evaluate() {
  double start = now();
  Evaluation evaluation = evaluator_->run(signals_ ? &*signals_ : nullptr);
  progress_.paused(now() - start);
  last_tick_ = now();
  if (evaluation.stopped) return false;
  write_class_metrics(evaluation);
  position_.last_test_loss = evaluation.loss;
  position_.last_test_accuracy = evaluation.accuracy;
  evaluated_step_ = position_.step;
  evaluation_ = std::move(evaluation);
  return true;
}

void Trainer::heed_test() {
  const kiln_test_rules& rules = training_.test_rules;
  const TestFigures figures{position_.last_test_loss, position_.last_test_accuracy};
  if (rules.keep_best != KILN_MEASURE_NEITHER) {
    observe(position_.kept, {rules.keep_best, INT64_MAX, 0}, figures);
    if (position_.kept.tests_since == 0 && directory_)
      save_weights(best_weights_path(directory_->checkpoints()), *instance_);
  }
  if (training_.schedule.kind == KILN_SCHEDULE_PLATEAU && observe(position_.plateau, rules.plateau, figures)) {
    const double before = rate_at(position_.step);
    ++position_.rate_divisions;
    if (rate_at(position_.step) < before)
      progress_.note("no better in " + format_integer(rules.plateau.patience) + " tests: the learning rate falls to " +
                     format_double(rate_at(position_.step)));
    else
      --position_.rate_divisions;
  }
  if (rules.early_stop.measure != KILN_MEASURE_NEITHER && observe(position_.early_stop, rules.early_stop, figures)) {
    position_.is_stopped = 1;
    progress_.note("no better in " + format_integer(rules.early_stop.patience) + " tests: the run ends here");
  }
}

// What an epoch's metrics hold beside, in this order: the losses of the test, then its top k.
std::vector<std::string> Trainer::further_names() const {
  std::vector<std::string> names;
  if (!evaluator_) return names;
  for (int i = 0; program_.loss_count > 1 && i < program_.loss_count; ++i)
    names.push_back(std::string("test_loss:") + program_.losses[i].name);
  for (int64_t k : evaluator_->top_k()) names.push_back("test_top_" + format_integer(k));
  return names;
}

std::vector<NamedMetric> Trainer::further(bool evaluated) const {
  std::vector<NamedMetric> metrics;
  for (std::string& name : further_names()) metrics.push_back({std::move(name), not_measured});
  if (!evaluated || !evaluation_) return metrics;
  size_t at = 0;
  for (const Evaluation::NamedLoss& loss : evaluation_->losses) metrics[at++].value = loss.mean;
  for (const Evaluation::TopK& top : evaluation_->top_k) metrics[at++].value = top.accuracy;
  return metrics;
}

ReportFacts Trainer::report_facts() const {
  ReportFacts facts{program_.name, name_of(options_.evaluated), {}};
  std::string seed;
  append_unsigned(seed, training_.seed);
  facts.lines = {{"training samples", format_integer(options_.train->size())},
                 {"batch", format_integer(training_.batch)},
                 {"seed", seed},
                 {"plan", program_.plan_hash}};
  return facts;
}

// What is recorded beside, but no result of the run.
std::vector<std::string> Trainer::recorded_names() const {
  std::vector<std::string> names = further_names();
  if (penalty_ >= 0) names.emplace_back("penalty");
  if (!health_) return names;
  for (std::string& name : health_->dead_share_names()) names.push_back(std::move(name));
  return names;
}

std::vector<NamedMetric> Trainer::recorded(bool evaluated) const {
  std::vector<NamedMetric> metrics = further(evaluated);
  // On the weights that the epoch's last step began with.
  if (penalty_ >= 0) metrics.push_back({"penalty", double{*memory_->output(penalty_)}});
  if (!health_) return metrics;
  for (NamedMetric& share : health_->dead_shares()) metrics.push_back(std::move(share));
  return metrics;
}

// Counted over the whole run, so that it does not depend on where the run was resumed.
bool Trainer::is_health_due() const {
  const bool ends_epoch = position_.samples + training_.batch == steps_per_epoch_ * training_.batch;
  return health_ && (ends_epoch || (position_.step + 1) % training_.health_every_steps == 0);
}

void Trainer::after_plan_step(int32_t step) {
  probe_->after_step(step);
  if (looks_at_health_) health_->after_step(step);
}

void Trainer::write_class_metrics(const Evaluation& evaluation) const {
  if (!directory_ || evaluation.confusion.classes() == 0) return;
  const std::vector<std::string> names(program_.class_names, program_.class_names + program_.class_count);
  if (program_.confusion_matrix)
    write_text_file(join_path(directory_->path(), "confusion_matrix.csv"), confusion_csv(evaluation.confusion, names));
  if (program_.per_class)
    write_text_file(join_path(directory_->path(), "per_class.csv"), per_class_csv(evaluation.confusion, names));
}

void Trainer::save() {
  saved_ = true;
  if (!directory_) {
    check_states_finite(*instance_, position_.step);
    return;
  }
  // Rows that the checkpoint counts as written must not be younger than it on the disk.
  records_->sync();
  bad_records_.save(directory_->bad_records());
  CheckpointInfo info;
  info.position = position_;
  info.seed = training_.seed;
  info.batch = training_.batch;
  info.train_samples = options_.train->size();
  info.plan_hash = program_.plan_hash;
  info.experiment = program_.experiment ? program_.experiment : "";
  save_checkpoint(directory_->checkpoints(), *instance_, info);
}

void Trainer::tick() {
  double time = now();
  training_seconds_ += time - last_tick_;
  epoch_seconds_ += time - last_tick_;
  last_tick_ = time;
}

TrainResult Trainer::result() const {
  TrainResult result;
  result.epochs = position_.epoch;
  result.steps = position_.step;
  result.bad_records = bad_records_.count();
  result.stopped_early = is_stopped();
  double samples = static_cast<double>(position_.samples);
  result.train_loss = samples > 0 ? position_.loss_sum / samples : position_.last_train_loss;
  result.train_accuracy = samples > 0 ? share(position_.correct_sum, position_.counted) : position_.last_train_accuracy;
  bool evaluated = evaluated_step_ == position_.step;
  result.test_loss = evaluated ? position_.last_test_loss : not_measured;
  result.test_accuracy = evaluated ? position_.last_test_accuracy : not_measured;
  if (evaluated) result.further = further(true);
  result.seconds = now() - start_;
  int64_t own_samples = (position_.step - first_step_) * training_.batch;
  result.samples_per_second = training_seconds_ > 0 ? static_cast<double>(own_samples) / training_seconds_ : 0;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  result.peak_memory_bytes = int64_t{usage.ru_maxrss} * 1024;
  result.instance_memory_bytes = instance_->memory_bytes();
  result.weights_sha256 = weights_sha256(*instance_);
  result.stopped_by_signal = signal();
  return result;
}

} // namespace

TrainResult train(const TrainOptions& options) { return Trainer(options).run(); }

} // namespace kiln::runtime
