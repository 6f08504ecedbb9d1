// Reads the samples of a batch, on the threads of a pool if it is given one, and decides what a bad record means.
// What is read does not depend on the threads.
#pragma once

#include "runtime/augment/augmenter.h"
#include "runtime/augment/mixer.h"
#include "runtime/data_facts.h"
#include "runtime/data_source.h"
#include "runtime/thread_pool.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kiln::runtime {

enum class BadRecordPolicy : uint8_t {
  fail, // the Error of the first bad record of a batch
  skip, // training takes the next sample that can be read, an evaluation leaves it out; both note it
};

// The records that could not be read, of all splits. May be used from several threads at once.
class BadRecords {
public:
  // Lines that an earlier part of the run has written. A missing file is no error.
  void load(const std::string& path);
  // A line each, sorted: split, sample, what was wrong. Atomic. Writes nothing if nothing was ever noted.
  void save(const std::string& path) const;

  // False if it was noted before.
  bool note(Split split, int64_t sample, const std::string& problem);
  int64_t count() const;
  std::string last_problem() const;

private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int64_t>, std::string> records_;
  std::string last_problem_;
};

class BatchReader {
public:
  // Batches hold these fields of the source. `source` and `bad_records` must outlive the reader; null bad_records: the
  // policy is fail. `augmenter`, where there is one, changes images on their way, `mixer` whole batches, of which
  // labels must be shares of classes; both must outlive the reader too.
  BatchReader(const DataSource& source, const std::vector<size_t>& fields, Split split, BadRecords* bad_records,
              const Augmenter* augmenter = nullptr, const Mixer* mixer = nullptr);

  const DataSource& source() const { return source_; }
  size_t parts() const { return parts_.size(); }
  int64_t sample_bytes(size_t part) const { return parts_[part].bytes; }

  // What changes of images and batches need on the way.
  struct Scratch {
    std::vector<Augmenter::Scratch> threads; // empty where no image is changed
    Mixer::Scratch unmixed;
  };
  // For this pool and batches of this many rows.
  Scratch make_scratch(const ThreadPool* pool, int64_t rows) const;

  // Fills one row a visit number (epoch_samples.h) in the memory of each part. In the place of a bad record comes the
  // sample after it, or the one after that. Throws Error (data) if there are too many bad ones in a row to believe in
  // bad files. Images are changed as they are in this epoch.
  void read(std::span<const int64_t> visits, std::span<char* const> parts, ThreadPool* pool, int64_t epoch,
            Scratch& scratch) const;
  // Without augmenter and mixer.
  void read(std::span<const int64_t> visits, std::span<char* const> parts, ThreadPool* pool) const {
    Scratch none;
    read(visits, parts, pool, 0, none);
  }

  // Fills one row an index; a bad record's is zeros. `was_read` gets 0 for those, 1 for others. Images as they are.
  void read_marked(std::span<const int64_t> indices, std::span<char* const> parts, std::span<uint8_t> was_read,
                   ThreadPool* pool) const;

private:
  struct Part {
    size_t field;
    int64_t bytes; // of one sample
    bool changes;  // whether it is augmented
  };

  // False, and noted, if the record is bad.
  bool try_read(int64_t visit, std::span<char* const> parts, size_t row, int64_t epoch,
                Augmenter::Scratch& scratch) const;
  void read_or_next(int64_t visit, std::span<char* const> parts, size_t row, int64_t epoch,
                    Augmenter::Scratch& scratch) const;
  size_t part_of(std::string_view field) const;
  template <class Row> void for_rows(size_t rows, ThreadPool* pool, Row&& row) const;

  const DataSource& source_;
  std::vector<Part> parts_;
  Split split_;
  BadRecords* bad_records_;
  const Augmenter* augmenter_;
  const Mixer* mixer_;
};

} // namespace kiln::runtime
