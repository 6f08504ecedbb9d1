// Rules of lint on which layer follows which.
#include <algorithm>

#include <fmt/format.h>

#include "frontend/lint/subject.h"

namespace kiln::frontend {
namespace {

// Layers behind which dropout's scaled variance reaches a layer still.
bool has_dropout_before(const LintSubject& subject, const LintLayer& own, std::vector<bool>& seen,
                        std::string& dropout) {
  for (const int input : own.inputs) {
    if (input < 0 || seen[static_cast<size_t>(input)]) continue;
    seen[static_cast<size_t>(input)] = true;
    const LintLayer& before = subject.layer(input);
    // A batch norm in between measures anew, and has been told of.
    if (before.layer.has_batch_norm()) continue;
    if (before.layer.has_dropout() && before.layer.dropout().drop() > 0) {
      dropout = before.layer.name();
      return true;
    }
    if (has_dropout_before(subject, before, seen, dropout)) return true;
  }
  return false;
}

} // namespace

void softmax_before_loss(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    const bool takes_softmax = own.layer.has_softmax_cross_entropy();
    const bool takes_sigmoid = own.layer.has_sigmoid_cross_entropy();
    if ((!takes_softmax && !takes_sigmoid) || own.inputs.empty() || own.inputs.front() < 0) continue;
    const LintLayer& before = subject.layer(own.inputs.front());
    const bool is_taken = (takes_softmax && (before.layer.has_softmax() || before.layer.has_log_softmax())) ||
                          (takes_sigmoid && before.layer.has_sigmoid());
    if (!is_taken) continue;
    subject.say(own, "input",
                fmt::format("it takes the {} again that \"{}\" gives", takes_softmax ? "softmax" : "sigmoid",
                            before.layer.name()),
                fmt::format("leave \"{}\" out: predict gives probabilities all the same", before.layer.name()));
  }
}

void rectifier_before_loss(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    const bool takes_logits = own.layer.has_softmax_cross_entropy() || own.layer.has_sigmoid_cross_entropy() ||
                              own.layer.has_multi_class_hinge();
    if (!takes_logits || own.inputs.empty() || own.inputs.front() < 0) continue;
    const LintLayer& before = subject.layer(own.inputs.front());
    if (!is_hard_rectifier(before.layer)) continue;
    subject.say(before, "", "its values are logits, and those below zero are cut off",
                fmt::format("leave \"{}\" out", before.layer.name()));
  }
}

void bias_before_batch_norm(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    const auto weights = weights_of(own.layer);
    if (!weights || !weights->bias) continue;
    const LintLayer* next = subject.sole_user(own);
    if (next == nullptr || !next->layer.has_batch_norm()) continue;
    subject.say(own, weights->kind,
                fmt::format("its bias has no effect: batch norm \"{}\" subtracts it with the mean", next->layer.name()),
                "bias: false");
  }
}

void dropout_before_batch_norm(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    if (!own.layer.has_batch_norm()) continue;
    std::vector<bool> seen(subject.layers().size());
    std::string dropout;
    if (!has_dropout_before(subject, own, seen, dropout)) continue;
    subject.say(
        own, "",
        fmt::format("the variance that it measures is that behind dropout \"{}\", which tests do not have", dropout),
        "put dropout behind the last batch norm");
  }
}

void frozen_before_batch_norm(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    if (!own.layer.has_batch_norm() || own.layer.freeze() || own.inputs.empty() || own.inputs.front() < 0) continue;
    const LintLayer& before = subject.layer(own.inputs.front());
    if (!before.layer.freeze() || !weights_of(before.layer)) continue;
    subject.say(own, "",
                fmt::format("\"{}\" is frozen, but its running statistics go on to change", before.layer.name()),
                "freeze: true");
  }
}

} // namespace kiln::frontend
