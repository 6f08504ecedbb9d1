// Measures a trained network: loss and accuracy over a data source, and predictions for given samples.
// Every sample counts once: rows that pad a last batch are ignored, so a result does not depend on the batch size.
#pragma once

#include "runtime/batch_reader.h"
#include "runtime/function_io.h"
#include "runtime/instance.h"
#include "runtime/metrics.h"
#include "runtime/signals.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kiln::runtime {

struct Evaluation {
  int64_t samples = 0; // those that could be read
  double loss = 0;     // mean; of several losses the sum of each times its weight
  double accuracy = 0; // share of labels that are predicted; NaN where labels are no classes
  double seconds = 0;
  bool stopped = false; // a signal came: the other fields say nothing

  struct NamedLoss {
    std::string name;
    double mean = 0;
  };
  std::vector<NamedLoss> losses; // if there are several, as the program has them
  struct TopK {
    int64_t k = 0;
    double accuracy = 0;
  };
  std::vector<TopK> top_k;
  ConfusionMatrix confusion; // of no classes unless the program predicts classes
};

// The labels of a function's batch that count: all that are classes and not ignored.
class LabelCount {
public:
  LabelCount(const kiln_program& program, const kiln_function& function);

  // Of the first `rows` samples. `labels` is the function's input "label"; 0 where labels are no classes.
  int64_t counted(const void* labels, int64_t rows) const;
  int64_t counted_in_row(const void* labels, int64_t row) const; // of one sample
  int64_t per_sample() const { return labels_per_sample_; }
  bool counts(int32_t label) const { return !ignored_ || label != *ignored_; }
  int input() const { return input_; } // of the function; -1 where labels are no classes

private:
  int input_ = -1;
  int64_t labels_per_sample_ = 0;
  std::optional<int64_t> ignored_;
};

class Evaluator {
public:
  // Takes the program's `evaluate` of this batch (0: its largest). All three must outlive the evaluator. Throws Error
  // when the source does not fit the network. With `bad_records`, samples that cannot be read are noted there and left
  // out, as samples of `split`.
  Evaluator(Instance& instance, const DataSource& source, int64_t batch = 0, Split split = Split::test,
            BadRecords* bad_records = nullptr);

  // Sums in double, in the order of samples. Looks at `signals`, if given, after every batch.
  Evaluation run(const SignalGuard* signals = nullptr);

  std::vector<int64_t> top_k() const; // the k of Evaluation::top_k

private:
  void count_classes(ConfusionMatrix& confusion, int64_t rows) const;

  Instance& instance_;
  const kiln_function& function_;
  FunctionMemory memory_;
  std::vector<BoundField> fields_;
  BatchReader reader_; // its parts are fields_
  LabelCount labels_;
  struct Loss {
    int value;
    int sample_weight; // -1: all samples count 1
    double weight;     // in the sum of all losses
    std::string name;
  };
  std::vector<Loss> losses_;
  struct Count {
    int64_t k;
    int output;
  };
  std::vector<Count> counts_; // of labels met; the first is top 1
  int predicted_;             // -1 where it is not wanted
};

// Runs `predict` on these samples, in batches of the function's size. Returns samples.size() rows of its output, which
// is "probability" or "output".
std::vector<float> predict_samples(Instance& instance, const kiln_function& predict, const DataSource& source,
                                   std::span<const int64_t> samples);

} // namespace kiln::runtime
