// Everything that can be wrong with the training section before any shape is known.
#include "frontend/check_training.h"

#include <cmath>

#include <fmt/format.h>

namespace kiln::frontend {
namespace {

class TrainingCheck : SectionCheck {
public:
  using SectionCheck::SectionCheck;

  void run(const proto::Training& training) {
    require(training.has_batch(), "training", "batch", "batch: 64");
    require(training.has_epochs(), "training", "epochs", "epochs: 5");
    if (training.has_batch()) check_count("training.batch", "batch", training.batch());
    if (training.has_epochs()) check_count("training.epochs", "epochs", training.epochs());
    if (training.has_evaluation_batch() && training.evaluation_batch() != training.batch())
      check_count("training.evaluation_batch", "evaluation_batch", training.evaluation_batch());
    check_count("training.checkpoint_every_steps", "checkpoint_every_steps", training.checkpoint_every_steps(), 0);
    check_count("training.evaluate_every_epochs", "evaluate_every_epochs", training.evaluate_every_epochs(), 0);
    check_count("training.health.every_steps", "every_steps", training.health().every_steps(), 0);
    switch (training.optimizer_case()) {
    case proto::Training::kSgd:
      check_share("training.sgd", "momentum", training.sgd().momentum());
      check_weight_decay("training.sgd", training.sgd());
      break;
    case proto::Training::kAdagrad:
      check_scaled_optimizer("training.adagrad", training.adagrad());
      break;
    case proto::Training::kRmsprop:
      check_share("training.rmsprop", "decay", training.rmsprop().decay());
      check_share("training.rmsprop", "momentum", training.rmsprop().momentum());
      check_scaled_optimizer("training.rmsprop", training.rmsprop());
      break;
    case proto::Training::kAdadelta:
      check_share("training.adadelta", "decay", training.adadelta().decay());
      check_scaled_optimizer("training.adadelta", training.adadelta());
      break;
    case proto::Training::kAdam:
      check_adam("training.adam", training.adam());
      break;
    case proto::Training::kAdamw:
      check_adam("training.adamw", training.adamw());
      break;
    case proto::Training::OPTIMIZER_NOT_SET:
      require(false, "training", "optimizer", "for example sgd { momentum: 0.9 }");
      break;
    }
    check_rate(training.learning_rate());
    check_test_rules(training);
    check_regularize(training);
    check_classes(training);
    if (training.has_average_weights() &&
        !(training.average_weights().decay() > 0 && training.average_weights().decay() < 1))
      error("training.average_weights.decay",
            fmt::format("decay is {}: it must be above 0 and below 1", training.average_weights().decay()));
  }

private:
  template <class Optimizer> void check_weight_decay(const std::string& path, const Optimizer& optimizer) {
    if (!(optimizer.weight_decay() >= 0 && std::isfinite(optimizer.weight_decay())))
      error(path + ".weight_decay", fmt::format("weight_decay is {}: it must {}", optimizer.weight_decay(),
                                                optimizer.weight_decay() < 0 ? "not be negative" : "be finite"));
  }

  // One that divides by the size of gradients.
  template <class Optimizer> void check_scaled_optimizer(const std::string& path, const Optimizer& optimizer) {
    if (!(optimizer.epsilon() >= 1e-30 && optimizer.epsilon() <= 1e30))
      error(path + ".epsilon", fmt::format("epsilon is {}: it must lie between 1e-30 and 1e30", optimizer.epsilon()));
    check_weight_decay(path, optimizer);
  }

  template <class Optimizer> void check_adam(const std::string& path, const Optimizer& adam) {
    check_share(path, "beta1", adam.beta1());
    check_share(path, "beta2", adam.beta2());
    check_scaled_optimizer(path, adam);
  }

  void check_rate(const proto::LearningRate& rate) {
    const std::string path = "training.learning_rate";
    bool in_steps = rate.unit() == proto::STEP;
    if (!(rate.start() > 0)) error(path + ".start", fmt::format("start is {}: it must be above 0", rate.start()));
    if (!(rate.warmup() >= 0))
      error(path + ".warmup", fmt::format("warmup is {}: it must not be negative", rate.warmup()));
    else
      check_whole(path + ".warmup", "warmup", rate.warmup(), in_steps);

    check_count(path + ".per_batch", "per_batch", rate.per_batch(), 0);
    switch (rate.schedule_case()) {
    case proto::LearningRate::kFixed:
    case proto::LearningRate::SCHEDULE_NOT_SET:
      break;
    case proto::LearningRate::kStep:
      require(rate.step().has_every(), path + ".step", "every", in_steps ? "every: 10000" : "every: 2");
      if (rate.step().has_every()) check_above_zero(path + ".step.every", "every", rate.step().every());
      if (rate.step().has_every()) check_whole(path + ".step.every", "every", rate.step().every(), in_steps);
      check_above_zero(path + ".step.gamma", "gamma", rate.step().gamma());
      break;
    case proto::LearningRate::kMultistep:
      check_milestones(rate.multistep(), path + ".multistep", in_steps);
      check_above_zero(path + ".multistep.gamma", "gamma", rate.multistep().gamma());
      break;
    case proto::LearningRate::kExp:
      require(rate.exp().has_gamma(), path + ".exp", "gamma");
      if (rate.exp().has_gamma()) check_above_zero(path + ".exp.gamma", "gamma", rate.exp().gamma());
      break;
    case proto::LearningRate::kInv:
      require(rate.inv().has_gamma(), path + ".inv", "gamma");
      require(rate.inv().has_power(), path + ".inv", "power");
      if (rate.inv().has_gamma()) check_above_zero(path + ".inv.gamma", "gamma", rate.inv().gamma());
      if (rate.inv().has_power()) check_above_zero(path + ".inv.power", "power", rate.inv().power());
      break;
    case proto::LearningRate::kPoly:
      check_above_zero(path + ".poly.power", "power", rate.poly().power());
      break;
    case proto::LearningRate::kCosine:
      if (!(rate.cosine().floor() >= 0 && rate.cosine().floor() <= rate.start()))
        error(path + ".cosine.floor",
              fmt::format("floor is {}: it must lie between 0 and start, {}", rate.cosine().floor(), rate.start()));
      break;
    case proto::LearningRate::kSigmoid:
      require(rate.sigmoid().has_gamma(), path + ".sigmoid", "gamma");
      require(rate.sigmoid().has_middle(), path + ".sigmoid", "middle", in_steps ? "middle: 10000" : "middle: 10");
      if (rate.sigmoid().has_gamma()) check_above_zero(path + ".sigmoid.gamma", "gamma", rate.sigmoid().gamma());
      if (rate.sigmoid().has_middle()) check_above_zero(path + ".sigmoid.middle", "middle", rate.sigmoid().middle());
      break;
    case proto::LearningRate::kOneCycle:
      check_one_cycle(rate, path);
      break;
    case proto::LearningRate::kPlateau:
      check_watch(path + ".plateau", rate.plateau());
      if (!(rate.plateau().factor() > 1))
        error(path + ".plateau.factor",
              fmt::format("factor is {}: the rate is divided by it, so it must be above 1", rate.plateau().factor()));
      check_not_negative(path + ".plateau.least_rate", "least_rate", rate.plateau().least_rate());
      break;
    }
  }

  // A rule that goes by tests.
  template <class Watch> void check_watch(const std::string& path, const Watch& watch) {
    if (watch.measure() == proto::NEITHER)
      error(path + ".measure", "measure is NEITHER: there would be nothing to go by", "LOSS or ACCURACY");
    check_count(path + ".patience", "patience", watch.patience());
    check_not_negative(path + ".least_change", "least_change", watch.least_change());
  }

  void check_regularize(const proto::Training& training) {
    const std::string path = "training.regularize";
    const proto::Regularize& regularize = training.regularize();
    check_not_negative(path + ".l1", "l1", regularize.l1());
    check_not_negative(path + ".l2", "l2", regularize.l2());
    check_not_negative(path + ".elastic_net.l1", "l1", regularize.elastic_net().l1());
    check_not_negative(path + ".elastic_net.l2", "l2", regularize.elastic_net().l2());
    if (regularize.has_max_norm()) check_norm(path + ".max_norm.norm", regularize.max_norm().norm());
    if (!training.has_clip_gradients()) return;
    const proto::ClipGradients& clip = training.clip_gradients();
    if (clip.has_norm() == clip.has_value())
      error("training.clip_gradients",
            clip.has_norm() ? "clip_gradients has both norm and value"
                            : "clip_gradients has "
                              "neither norm nor value",
            "norm: 5 scales all gradients together, value: 1 cuts each value");
    if (clip.has_norm()) check_norm("training.clip_gradients.norm", clip.norm());
    if (clip.has_value()) check_above_zero("training.clip_gradients.value", "value", clip.value());
  }

  // One whose square f32 holds.
  void check_norm(const std::string& path, double norm) {
    if (!(norm >= 1e-15 && norm <= 1e15))
      error(path, fmt::format("norm is {}: it must lie between 1e-15 and 1e15", norm));
  }

  void check_classes(const proto::Training& training) {
    if (!training.has_class_samples()) return;
    const proto::ClassSamples& classes = training.class_samples();
    const std::string path = "training.class_samples";
    if (classes.has_at_least()) check_count(path + ".at_least", "at_least", classes.at_least());
    if (classes.has_at_most()) check_count(path + ".at_most", "at_most", classes.at_most());
    if (classes.has_at_least() && classes.has_at_most() && classes.at_least() > classes.at_most())
      error(path, fmt::format("at_least is {}, at_most only {}: there is no such class", classes.at_least(),
                              classes.at_most()));
  }

  void check_test_rules(const proto::Training& training) {
    if (training.has_early_stop()) check_watch("training.early_stop", training.early_stop());
    const char* rule = training.has_early_stop()                ? "early_stop"
                       : training.keep_best() != proto::NEITHER ? "keep_best"
                       : training.learning_rate().has_plateau() ? "plateau"
                                                                : nullptr;
    if (rule != nullptr && training.evaluate_every_epochs() == 0)
      error("training.evaluate_every_epochs",
            fmt::format("{} goes by tests during training: with 0 there is one at the end alone", rule),
            "evaluate_every_epochs: 1");
  }

  void check_one_cycle(const proto::LearningRate& rate, const std::string& path) {
    const proto::OneCycle& cycle = rate.one_cycle();
    const std::string own = path + ".one_cycle";
    if (!(cycle.rise() > 0 && cycle.rise() < 1))
      error(own + ".rise", fmt::format("rise is {}: it must be above 0 and below 1", cycle.rise()));
    for (const auto& [name, value] : {std::pair("rise_from", cycle.rise_from()), std::pair("fall_to", cycle.fall_to())})
      if (!(value >= 1))
        error(fmt::format("{}.{}", own, name), fmt::format("{} is {}: it must be at least 1", name, value));
    if (rate.warmup() > 0) error(path + ".warmup", "one_cycle rises by itself: it takes no warmup", "leave it out");
  }

  void check_milestones(const proto::Multistep& multistep, const std::string& path, bool in_steps) {
    require(!multistep.milestone().empty(), path, "milestone",
            in_steps ? "milestone: [5000, 8000]" : "milestone: [3, 4]");
    for (int i = 0; i < multistep.milestone_size(); ++i) {
      std::string own = fmt::format("{}.milestone[{}]", path, i);
      double value = multistep.milestone(i);
      double before = i == 0 ? 0 : multistep.milestone(i - 1);
      if (!(value > before))
        error(own, i == 0 ? fmt::format("the first milestone is {}: it must be above 0", value)
                          : fmt::format("milestone {} comes after {}: they must rise", value, before));
      else
        check_whole(own, "milestone", value, in_steps);
    }
  }
};

} // namespace

void check_training(const proto::Training& resolved, const Positions& positions, Diagnostics& diagnostics,
                    const std::set<std::string>& faulty) {
  TrainingCheck(positions, diagnostics, faulty).run(resolved);
}

} // namespace kiln::frontend
