// Rules of lint on how the network is trained.
#include <algorithm>

#include <fmt/format.h>

#include "frontend/lint/subject.h"

namespace kiln::frontend {
namespace {

// What a first rate lies in, by custom; from very small networks to very large ones.
struct RateRange {
  const char* optimizer;
  double least;
  double most;
  double usual;
};

RateRange range_of(const proto::Training& training) {
  switch (training.optimizer_case()) {
  case proto::Training::kSgd: {
    // What momentum m sums up to is a rate of 1 / (1 - m) times as much.
    const double longest = 1 / (1 - training.sgd().momentum());
    return {"sgd", 1e-5, std::max(1.0, 10 / longest), 0.1};
  }
  case proto::Training::kAdagrad:
    return {"adagrad", 1e-5, 0.2, 0.01};
  case proto::Training::kRmsprop:
    return {"rmsprop", 1e-6, 0.02, 0.001};
  case proto::Training::kAdadelta:
    return {"adadelta", 0.05, 5, 1};
  case proto::Training::kAdam:
    return {"adam", 1e-6, 0.02, 0.001};
  case proto::Training::kAdamw:
    return {"adamw", 1e-6, 0.02, 0.001};
  case proto::Training::OPTIMIZER_NOT_SET:
    break;
  }
  return {"", 0, 1e30, 0};
}

} // namespace

void no_shuffle(LintSubject& subject) {
  if (subject.experiment.training().shuffle()) return;
  subject.say("training.shuffle", "samples come in the order of the files, in every epoch the same", "shuffle: true");
}

void rate_range(LintSubject& subject) {
  const proto::Training& training = subject.experiment.training();
  const RateRange range = range_of(training);
  const double start = training.learning_rate().start();
  if (start >= range.least && start <= range.most) return;
  subject.say("training.learning_rate.start",
              fmt::format("start is {}: {} takes {:.2g} to {:.2g}", start, range.optimizer, range.least, range.most),
              fmt::format("start: {}, or what `kiln lrfind` suggests", range.usual));
}

void decay_on_bias(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    const auto& decay = own.layer.decay_mult();
    const bool is_norm =
        own.layer.has_batch_norm() && std::any_of(decay.begin(), decay.end(), [](double mult) { return mult > 0; });
    const bool is_bias = decay.size() > 1 && decay[1] > 0 && weights_of(own.layer) && weights_of(own.layer)->bias;
    if (!is_norm && !is_bias) continue;
    subject.say(own, "decay_mult",
                is_norm ? "weight decay pulls batch norm's scale and shift to zero"
                        : "weight decay pulls its bias to zero",
                is_norm ? "decay_mult: 0" : "decay_mult: [1, 0]");
  }
}

void test_chosen(LintSubject& subject) {
  if (subject.data.validation_samples > 0 || subject.data.test_samples == 0) return;
  const proto::Training& training = subject.experiment.training();
  const char* field = training.has_early_stop()                ? "early_stop"
                      : training.keep_best() != proto::NEITHER ? "keep_best"
                      : training.learning_rate().has_plateau() ? "learning_rate"
                                                               : nullptr;
  if (field == nullptr) return;
  subject.say(fmt::format("training.{}", field), "it is decided by the test split: there is no validation split",
              "data { split { validation: 0.1 } }");
}

} // namespace kiln::frontend
