// Rules of lint on how weights start.
#include <fmt/format.h>

#include "frontend/lint/subject.h"

namespace kiln::frontend {

void zero_init(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    const auto weights = weights_of(own.layer);
    if (!weights || weights->weights_init == nullptr || !weights->weights_init->has_constant()) continue;
    subject.say(
        own, weights->kind + ".weights_init",
        fmt::format("its weights all start as {}, and alike they stay", weights->weights_init->constant().value()),
        "leave weights_init out, or use he {} or xavier {}");
  }
}

void xavier_before_rectifier(LintSubject& subject) {
  for (const LintLayer& own : subject.layers()) {
    const auto weights = weights_of(own.layer);
    if (!weights || weights->weights_init == nullptr || !weights->weights_init->has_xavier()) continue;
    // Batch norm in between makes the weights' variance irrelevant.
    const LintLayer* next = subject.sole_user(own);
    if (next == nullptr || !is_rectifier(next->layer)) continue;
    subject.say(own, weights->kind + ".weights_init",
                fmt::format("xavier is for what has no rectifier behind it, here stands \"{}\"", next->layer.name()),
                "he {}, the default here");
  }
}

} // namespace kiln::frontend
