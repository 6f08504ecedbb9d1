// Reads the samples of a batch, on the threads of a pool if it is given one, and decides what a bad record means.
// What is read does not depend on the threads.
#include "runtime/batch_reader.h"

#include "runtime/epoch_samples.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <limits>

namespace kiln::runtime {
namespace {

// A disk gone, not files gone bad.
constexpr int64_t most_bad_in_a_row = 100;
// Below this a copy from memory is done before another thread has woken up.
constexpr int64_t least_copied_in_parallel = 1 << 18;

} // namespace

void BadRecords::load(const std::string& path) {
  if (!file_exists(path)) return;
  const std::string text = read_text_file(path);
  std::lock_guard lock(mutex_);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    const size_t first = line.find('\t'), second = line.find('\t', first + 1);
    int64_t sample = 0;
    if (second == std::string_view::npos || !parse_integer(line.substr(first + 1, second - first - 1), sample))
      continue;
    records_.emplace(std::pair(std::string(line.substr(0, first)), sample), line.substr(second + 1));
  }
}

void BadRecords::save(const std::string& path) const {
  std::lock_guard lock(mutex_);
  if (records_.empty()) return;
  std::string text;
  for (const auto& [place, problem] : records_) {
    text += place.first + '\t' + format_integer(place.second) + '\t';
    for (char c : problem) text += c == '\n' || c == '\t' ? ' ' : c;
    text += '\n';
  }
  write_text_file(path, text);
}

bool BadRecords::note(Split split, int64_t sample, const std::string& problem) {
  std::lock_guard lock(mutex_);
  const bool is_new = records_.emplace(std::pair(std::string(name_of(split)), sample), problem).second;
  if (is_new) last_problem_ = problem;
  return is_new;
}

int64_t BadRecords::count() const {
  std::lock_guard lock(mutex_);
  return static_cast<int64_t>(records_.size());
}

std::string BadRecords::last_problem() const {
  std::lock_guard lock(mutex_);
  return last_problem_;
}

BatchReader::BatchReader(const DataSource& source, const std::vector<size_t>& fields, Split split,
                         BadRecords* bad_records, const Augmenter* augmenter, const Mixer* mixer)
    : source_(source), split_(split), bad_records_(bad_records), augmenter_(augmenter), mixer_(mixer) {
  for (size_t field : fields) {
    const Field& described = source.fields()[field];
    const bool changes = augmenter != nullptr && described.name == image_name;
    parts_.push_back({field, changes ? augmenter->shape().bytes() : described.bytes(), changes});
  }
}

bool BatchReader::try_read(int64_t visit, std::span<char* const> parts, size_t row, int64_t epoch,
                           Augmenter::Scratch& scratch) const {
  const int64_t index = sample_of(visit);
  try {
    for (size_t part = 0; part < parts_.size(); ++part) {
      char* out = parts[part] + static_cast<int64_t>(row) * parts_[part].bytes;
      if (!parts_[part].changes) {
        source_.read(index, parts_[part].field, out);
        continue;
      }
      source_.read(index, parts_[part].field, augmenter_->source(scratch));
      augmenter_->run(scratch, epoch, visit, reinterpret_cast<uint8_t*>(out));
    }
    return true;
  } catch (const Error& error) {
    if (!bad_records_ || error.kind != ErrorKind::data) throw;
    bad_records_->note(split_, index, error.message);
    return false;
  }
}

void BatchReader::read_or_next(int64_t visit, std::span<char* const> parts, size_t row, int64_t epoch,
                               Augmenter::Scratch& scratch) const {
  const int64_t most = std::min(most_bad_in_a_row, source_.size());
  for (int64_t tried = 0; tried < most; ++tried)
    if (try_read(visit_number((sample_of(visit) + tried) % source_.size(), visit_of(visit)), parts, row, epoch,
                 scratch))
      return;
  throw Error(ErrorKind::data,
              format_integer(most) + " records in a row cannot be read, the last: " + bad_records_->last_problem());
}

// The problem of the first row that has one is thrown, whichever thread came upon one first.
template <class Row> void BatchReader::for_rows(size_t rows, ThreadPool* pool, Row&& row) const {
  int64_t bytes = 0;
  for (const Part& part : parts_) bytes += part.bytes * static_cast<int64_t>(rows);
  const bool copies = source_.in_memory() && augmenter_ == nullptr;
  const bool alone = !pool || pool->threads() == 1 || (copies && bytes < least_copied_in_parallel);
  if (alone) {
    for (size_t at = 0; at < rows; ++at) row(at, 0);
    return;
  }
  std::mutex mutex;
  std::exception_ptr problem;
  std::atomic<size_t> first_bad = std::numeric_limits<size_t>::max();
  pool->run(static_cast<int64_t>(rows), [&](int64_t begin, int64_t end, int thread) {
    for (auto at = static_cast<size_t>(begin); at < static_cast<size_t>(end); ++at) {
      if (at > first_bad.load(std::memory_order_relaxed)) continue;
      try {
        row(at, thread);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (at > first_bad.load(std::memory_order_relaxed)) continue;
        first_bad.store(at, std::memory_order_relaxed);
        problem = std::current_exception();
      }
    }
  });
  if (problem) std::rethrow_exception(problem);
}

size_t BatchReader::part_of(std::string_view field) const {
  const auto part = std::find_if(parts_.begin(), parts_.end(),
                                 [&](const Part& each) { return source_.fields()[each.field].name == field; });
  return static_cast<size_t>(part - parts_.begin());
}

BatchReader::Scratch BatchReader::make_scratch(const ThreadPool* pool, int64_t rows) const {
  Scratch scratch;
  if (augmenter_ != nullptr)
    scratch.threads.assign(pool ? static_cast<size_t>(pool->threads()) : 1, augmenter_->make_scratch());
  if (mixer_ != nullptr) scratch.unmixed = mixer_->make_scratch(rows);
  return scratch;
}

void BatchReader::read(std::span<const int64_t> visits, std::span<char* const> parts, ThreadPool* pool, int64_t epoch,
                       Scratch& scratch) const {
  Augmenter::Scratch none;
  for_rows(visits.size(), pool, [&](size_t row, int thread) {
    read_or_next(visits[row], parts, row, epoch,
                 scratch.threads.empty() ? none : scratch.threads[static_cast<size_t>(thread)]);
  });
  if (mixer_ != nullptr)
    mixer_->mix(visits, epoch, reinterpret_cast<uint8_t*>(parts[part_of(image_name)]),
                reinterpret_cast<float*>(parts[part_of(label_name)]), scratch.unmixed, pool);
}

void BatchReader::read_marked(std::span<const int64_t> indices, std::span<char* const> parts,
                              std::span<uint8_t> was_read, ThreadPool* pool) const {
  Augmenter::Scratch none;
  for_rows(indices.size(), pool, [&](size_t row, int) {
    was_read[row] = try_read(indices[row], parts, row, 0, none) ? 1 : 0;
    for (size_t part = 0; part < parts_.size() && was_read[row] == 0; ++part)
      memset(parts[part] + static_cast<int64_t>(row) * parts_[part].bytes, 0, static_cast<size_t>(parts_[part].bytes));
  });
}

} // namespace kiln::runtime
