// A run's scalars as TensorBoard reads them: events.out.tfevents.kiln, framed and checked protocol buffers.
// Resuming cuts it back to the checkpoint, as it does the metrics files.
#pragma once

#include "runtime/file_io.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kiln::runtime {

// The Castagnoli polynomial's CRC, and the form of it that stands in such files.
uint32_t crc32c(std::string_view bytes);
uint32_t masked_crc32c(std::string_view bytes);

struct EventScalar {
  std::string_view tag;
  double value = 0; // left out where it is not finite
};

class EventFile {
public:
  // Opens for appending. An empty file begins with its version.
  explicit EventFile(const std::string& directory);

  // Drops events of steps beyond `step`, those about epochs beyond `epoch`, and what comes after a torn record. A
  // missing file is no error.
  static void cut_back(const std::string& directory, int64_t step, int64_t epoch);
  static std::string path_in(const std::string& directory);

  // Tags are "batch/..." or what else belongs to one step.
  void add_step(int64_t step, std::span<const EventScalar> scalars); // allocates nothing for a few scalars
  // Tags become "epoch/...": one call an epoch, in order.
  void add_epoch(int64_t step, std::span<const EventScalar> scalars);
  void flush() { file_.flush(); }
  void sync() { file_.sync(); }

private:
  void add(std::string_view prefix, int64_t step, std::span<const EventScalar> scalars);
  void append_record();

  AppendFile file_;
  std::string event_, summary_, frame_; // kept for their memory
};

} // namespace kiln::runtime
