// Experiment file -> checked experiment -> module -> passes -> plan -> program: the steps that every verb shares.
#pragma once

#include "augmentation.h"
#include "codegen/description.h"
#include "codegen/program.h"
#include "frontend/importer.h"
#include "frontend/load_experiment.h"
#include "frontend/recipe.h"
#include "ir/plan.h"
#include "options.h"
#include "passes/passes.h"
#include "report.h"
#include "runtime/abi.h"
#include "runtime/batch_reader.h"
#include "runtime/instance.h"
#include "runtime/open_data.h"

#include <memory>
#include <string>
#include <vector>

namespace kiln::tools {

// Reads, overrides, resolves and checks. Prints every diagnostic; throws InvalidExperiment if one is an error.
frontend::LoadedExperiment load(const Options& options);

// Imports the functions wanted. As load() with errors.
std::unique_ptr<ir::Module> import(const frontend::LoadedExperiment& loaded, const frontend::ImportOptions& wanted,
                                   const Options& options);

ir::Target target_of(const Options& options); // throws runtime::Error (usage, unsupported)
int thread_count(const Options& options);
// Of compiled objects; empty: none.
std::string cache_directory(const Options& options);
// Fixes the BLIS kernels that statistics of images take for a target; before any thread exists.
void select_kernels(const ir::Target& target);

enum class Purpose { training, inference };

struct Compiled {
  std::unique_ptr<ir::Module> module;
  ir::Plan plan;
  codegen::Program program;
};

// What a program says of its experiment.
codegen::ProgramFacts program_facts(const frontend::LoadedExperiment& loaded, const ir::Module& module);
// Runs the passes (printing after those that options.print_after names) and plans memory. The target of `pass` is taken
// from the options.
ir::Plan optimize(ir::Module& module, Purpose purpose, const Options& options, const passes::PassOptions& pass = {});
Compiled compile(std::unique_ptr<ir::Module> module, Purpose purpose, const frontend::LoadedExperiment& loaded,
                 const Options& options);

// Values a sample that the loss takes in or predict gives; 0 if the module has neither.
int64_t class_count(const ir::Module& module);
// How many classes the data's labels may name: class_count, or where only auxiliary losses take classes, the fewest of
// these; 0 if labels are no classes.
int64_t label_classes(const frontend::LoadedExperiment& loaded, const ir::Module& module);
// These, and the label that the loss ignores.
runtime::LabelRange label_range(const frontend::LoadedExperiment& loaded, const ir::Module& module);
// The experiment's names, else the numbers of the classes.
std::vector<std::string> class_names(const frontend::LoadedExperiment& loaded, int64_t classes);

// The states of a module as the runtime holds them, by way of a program without functions.
class StatesAlone {
public:
  StatesAlone(const ir::Module& module, const ir::Target& target); // which must outlive it

  runtime::Instance& instance() { return instance_; }

private:
  ir::Plan plan_;
  codegen::Description description_;
  runtime::Instance instance_;
};

// Known weights: fills the data of every parameter and statistic from a safetensors file, so that passes may fold them.
// Throws runtime::Error (data) if the file is damaged, or naming every tensor that is missing or does not fit.
void bind_weights(ir::Module& module, const std::string& path);
// The same with the values that training starts from.
void bind_initial_weights(ir::Module& module, uint64_t seed, const ir::Target& target);
// Known weights that no pass has made a constant: to be called on every instance of a module with bound weights.
void write_known_states(const ir::Module& module, runtime::Instance& instance);

// Of a run directory: where `train` writes and `test` and `predict` look. Default: runs/<experiment's name>.
std::string run_directory(const frontend::LoadedExperiment& loaded, const Options& options);
// --weights, else the run directory's: the best if the experiment keeps them, or the last checkpoint.
std::string weights_path(const frontend::LoadedExperiment& loaded, const Options& options);

// The splits of the experiment's data, those that it has. Images to train on are whole, of others the middle is cut out
// if augmentation cuts to a size. Throws runtime::Error (data).
runtime::DataSplits open_data(const frontend::LoadedExperiment& loaded);
// What open_data() opens, with class names and the images' size, also where only the files say them.
runtime::DataDescription describe_data(const frontend::LoadedExperiment& loaded, const ir::Module& module);
// Throws runtime::Error (data) also if there is no test split.
std::shared_ptr<const runtime::DataSource> open_test_source(const frontend::LoadedExperiment& loaded,
                                                            const Options& options);

// Fills in what augmentation draws by of the training images.
void measure_colors(const frontend::LoadedExperiment& loaded, const runtime::DataSource& train, const Options& options,
                    Augmentation& augmentation);

// The whole recipe of an experiment, with what it points to.
class ExperimentRecipe {
public:
  explicit ExperimentRecipe(const frontend::LoadedExperiment& loaded);
  ExperimentRecipe(const ExperimentRecipe&) = delete;
  ExperimentRecipe& operator=(const ExperimentRecipe&) = delete;

  // Of the training images, what augmentation draws by: to be called before anything is drawn.
  void measure(const frontend::LoadedExperiment& loaded, const runtime::DataSource& train, const Options& options);

  const kiln_recipe& stated() const { return stated_; }
  runtime::BadRecordPolicy on_bad_record() const {
    return stated_.skips_bad_records ? runtime::BadRecordPolicy::skip : runtime::BadRecordPolicy::fail;
  }

private:
  Augmentation augmentation_;
  frontend::Recipe recipe_;
  kiln_recipe stated_;
};

} // namespace kiln::tools
