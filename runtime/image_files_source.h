// Samples that are image files: each is read, decoded and fitted when it is asked for.
#pragma once

#include "runtime/data_source.h"
#include "runtime/image_decoder.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace kiln::runtime {

class ImageFilesSource : public DataSource {
public:
  // Every image becomes one of fit.target, whatever it is in its file.
  ImageFilesSource(FileListing listing, FitRule fit, std::array<uint8_t, 3> background);
  ~ImageFilesSource() override;

  int64_t size() const override { return static_cast<int64_t>(listing_.paths.size()); }
  std::span<const Field> fields() const override { return fields_; }
  void read(int64_t index, size_t field, void* out) const override;
  std::string describe(int64_t index) const override { return listing_.paths[static_cast<size_t>(index)]; }
  bool in_memory() const override { return false; }
  ImageShape stored_shape(int64_t index) const override;

private:
  struct Workspace; // what a thread needs to decode; taken for one read and given back
  class Lease;

  std::vector<Field> fields_; // image, label
  FileListing listing_;
  FitRule fit_;
  std::array<uint8_t, 3> background_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Workspace>> workspaces_;
};

} // namespace kiln::runtime
