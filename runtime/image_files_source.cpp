// Samples that are image files: each is read, decoded and fitted when it is asked for.
#include "runtime/image_files_source.h"

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/number_format.h"

#include <cstring>

namespace kiln::runtime {
namespace {

constexpr uint64_t max_file_bytes = uint64_t{1} << 30;

} // namespace

struct ImageFilesSource::Workspace {
  std::vector<uint8_t> file; // keeps its memory: at least `bytes`
  size_t bytes = 0;
  ImageDecoder decoder;
  Image image;
  ImageFitter fitter;

  Bytes read_file(const std::string& path) {
    const InputFile input(path);
    if (input.size() > max_file_bytes)
      throw Error(ErrorKind::data, path + ": " + format_integer(static_cast<int64_t>(input.size())) +
                                       " bytes: more than an image file has");
    bytes = input.size();
    if (file.size() < bytes) file.resize(bytes);
    input.read_at(0, file.data(), bytes);
    return {file.data(), bytes};
  }
};

class ImageFilesSource::Lease {
public:
  explicit Lease(const ImageFilesSource& source) : source_(source) {
    {
      std::lock_guard lock(source.mutex_);
      if (!source.workspaces_.empty()) {
        workspace_ = std::move(source.workspaces_.back());
        source.workspaces_.pop_back();
      }
    }
    if (!workspace_) workspace_ = std::make_unique<Workspace>();
  }
  ~Lease() {
    std::lock_guard lock(source_.mutex_);
    source_.workspaces_.push_back(std::move(workspace_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  Workspace* operator->() const { return workspace_.get(); }

private:
  const ImageFilesSource& source_;
  std::unique_ptr<Workspace> workspace_;
};

ImageFilesSource::ImageFilesSource(FileListing listing, FitRule fit, std::array<uint8_t, 3> background)
    : fields_{image_field(fit.target), class_label_field()}, listing_(std::move(listing)), fit_(std::move(fit)),
      background_(background) {}

ImageFilesSource::~ImageFilesSource() = default;

void ImageFilesSource::read(int64_t index, size_t field, void* out) const {
  if (field == 1) {
    memcpy(out, &listing_.labels[static_cast<size_t>(index)], sizeof(int32_t));
    return;
  }
  const std::string& path = listing_.paths[static_cast<size_t>(index)];
  const Lease work(*this);
  const Bytes file = work->read_file(path);
  work->decoder.decode(file, path, {fit_.target.channels, background_, &fit_}, work->image);
  work->fitter.fit(fit_, work->image, static_cast<uint8_t*>(out));
}

ImageShape ImageFilesSource::stored_shape(int64_t index) const {
  const std::string& path = listing_.paths[static_cast<size_t>(index)];
  const Lease work(*this);
  const Bytes file = work->read_file(path);
  return work->decoder.read_info(file, path).shape;
}

} // namespace kiln::runtime
