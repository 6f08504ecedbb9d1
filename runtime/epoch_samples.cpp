// Which samples an epoch is made of where classes are balanced or chosen.
#include "runtime/epoch_samples.h"

#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <limits>

namespace kiln::runtime {

bool is_selective(const kiln_class_rules& rules) {
  return rules.balance != KILN_AS_FOUND || rules.at_least > 0 || rules.at_most > 0;
}

EpochSamples::EpochSamples(const DataSource& source, const kiln_class_rules& rules) {
  if (source.class_label() == nullptr)
    throw Error(ErrorKind::model, "balance and class_samples go by classes, but labels are none");
  if (source.size() > std::numeric_limits<uint32_t>::max())
    throw Error(ErrorKind::unsupported, "cannot balance more than 4294967295 samples");
  for (int64_t i = 0; i < source.size(); ++i) {
    const int32_t label = source.read_class(i);
    if (label < 0) continue; // a label that no loss counts
    if (static_cast<size_t>(label) >= classes_.size()) classes_.resize(static_cast<size_t>(label) + 1);
    classes_[static_cast<size_t>(label)].push_back(static_cast<uint32_t>(i));
  }
  std::erase_if(classes_, [&](const std::vector<uint32_t>& samples) {
    const auto count = static_cast<int64_t>(samples.size());
    return count == 0 || count < rules.at_least || (rules.at_most > 0 && count > rules.at_most);
  });
  if (classes_.empty())
    throw Error(ErrorKind::data, "class_samples: no class of the training data has at least " +
                                     format_integer(rules.at_least) + " samples" +
                                     (rules.at_most > 0 ? " and at most " + format_integer(rules.at_most) : ""));
  const auto [fewest, most] = std::minmax_element(classes_.begin(), classes_.end(),
                                                  [](const auto& a, const auto& b) { return a.size() < b.size(); });
  if (rules.balance == KILN_UP_SAMPLE) shown_ = static_cast<int64_t>(most->size());
  if (rules.balance == KILN_DOWN_SAMPLE) shown_ = static_cast<int64_t>(fewest->size());
  for (const auto& samples : classes_) size_ += shown_ > 0 ? shown_ : static_cast<int64_t>(samples.size());
}

void EpochSamples::list(uint64_t seed, int64_t epoch, std::vector<int64_t>& numbers) const {
  numbers.clear();
  std::vector<uint32_t> drawn;
  for (size_t c = 0; c < classes_.size(); ++c) {
    const std::vector<uint32_t>& samples = classes_[c];
    const auto count = static_cast<int64_t>(samples.size());
    const int64_t shown = shown_ > 0 ? shown_ : count;
    const int64_t whole = shown / count, rest = shown % count;
    for (int64_t visit = 0; visit < whole; ++visit)
      for (const uint32_t sample : samples) numbers.push_back(visit_number(sample, visit));
    if (rest == 0) continue;
    drawn = samples;
    random::shuffle(random::stream_key(seed, static_cast<uint64_t>(epoch), random::stream_id("data.balance") + c),
                    drawn);
    for (int64_t i = 0; i < rest; ++i) numbers.push_back(visit_number(drawn[static_cast<size_t>(i)], whole));
  }
}

int64_t samples_per_epoch(const DataSource& source, const kiln_class_rules& rules) {
  return is_selective(rules) ? EpochSamples(source, rules).size() : source.size();
}

} // namespace kiln::runtime
