// One walk over the physical array serves both directions.
#include "runtime/layout.h"

#include "runtime/error.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace kiln::runtime {

namespace {

// One axis of the physical array.
struct Axis {
  int dim;        // the logical dim it walks
  int64_t extent; // positions
  int64_t unit;   // logical indices of `dim` a position
  int64_t stride; // physical elements a position
};

struct Axes {
  Axis axis[KILN_MAX_RANK + KILN_MAX_BLOCKS];
  int count = 0;
  int64_t elements = 1; // physical
};

Axes physical_axes(const kiln_tensor& tensor) {
  const kiln_layout& layout = tensor.layout;
  // Indices of `dim` that one position spans when the blocks from `first` on split it further.
  const auto span_of_blocks = [&](int dim, int first) {
    int64_t span = 1;
    for (int b = first; b < layout.block_count; ++b) {
      if (layout.blocks[b].dim == dim) span *= layout.blocks[b].size;
    }
    return span;
  };
  Axes axes;
  for (int i = 0; i < tensor.rank; ++i) {
    const int dim = layout.order[i];
    const int64_t unit = span_of_blocks(dim, 0);
    axes.axis[axes.count++] = {dim, (tensor.dims[dim] + unit - 1) / unit, unit, 0};
  }
  for (int b = 0; b < layout.block_count; ++b) {
    const int dim = layout.blocks[b].dim;
    axes.axis[axes.count++] = {dim, layout.blocks[b].size, span_of_blocks(dim, b + 1), 0};
  }
  for (int a = axes.count; a-- > 0;) {
    axes.axis[a].stride = axes.elements;
    axes.elements *= axes.axis[a].extent;
  }
  return axes;
}

// Element is an unsigned integer of the element's size: conversions move bits. Logical and Physical are pointers to
// it, the source one to const.
template <class Logical, class Physical> class Walk {
public:
  Walk(const kiln_tensor& tensor, const Axes& axes) : tensor_(tensor), axes_(axes) {
    int64_t stride = 1;
    for (int d = tensor.rank; d-- > 0;) {
      logical_stride_[d] = stride;
      stride *= tensor.dims[d];
    }
  }

  // `axis` and everything inside it; `position` holds the logical index reached by the axes outside.
  void run(int axis, Logical logical, Physical physical) {
    if (axis == axes_.count) {
      move(logical, physical);
      return;
    }
    const Axis& a = axes_.axis[axis];
    const int64_t left = tensor_.dims[a.dim] - position_[a.dim];
    const int64_t valid = std::min(a.extent, (left + a.unit - 1) / a.unit);
    const int64_t logical_step = a.unit * logical_stride_[a.dim];
    if (axis == axes_.count - 1) {
      for (int64_t i = 0; i < valid; ++i) move(logical + i * logical_step, physical + i);
    } else {
      for (int64_t i = 0; i < valid; ++i) {
        position_[a.dim] += i * a.unit;
        run(axis + 1, logical + i * logical_step, physical + i * a.stride);
        position_[a.dim] -= i * a.unit;
      }
    }
    if constexpr (packing) {
      const int64_t lanes = (a.extent - valid) * a.stride;
      if (lanes > 0) std::memset(physical + valid * a.stride, 0, static_cast<size_t>(lanes) * sizeof *physical);
    }
  }

private:
  static constexpr bool packing = std::is_const_v<std::remove_pointer_t<Logical>>;

  static void move(Logical logical, Physical physical) {
    if constexpr (packing) {
      *physical = *logical;
    } else {
      *logical = *physical;
    }
  }

  const kiln_tensor& tensor_;
  const Axes& axes_;
  int64_t logical_stride_[KILN_MAX_RANK] = {};
  int64_t position_[KILN_MAX_RANK] = {};
};

bool is_plain(const kiln_tensor& tensor) {
  if (tensor.layout.block_count != 0) return false;
  for (int i = 0; i < tensor.rank; ++i) {
    if (tensor.layout.order[i] != i) return false;
  }
  return true;
}

std::string quoted(const kiln_tensor& tensor) {
  return "tensor \"" + std::string(tensor.name ? tensor.name : "") + "\"";
}

[[noreturn]] void refuse(const kiln_tensor& tensor, const std::string& why) {
  throw Error(ErrorKind::model, quoted(tensor) + ": " + why);
}

} // namespace

int64_t element_bytes(kiln_dtype dtype) { return dtype == KILN_U8 ? 1 : 4; }

int64_t element_count(const kiln_tensor& tensor) {
  int64_t count = 1;
  for (int d = 0; d < tensor.rank; ++d) count *= tensor.dims[d];
  return count;
}

int64_t logical_bytes(const kiln_tensor& tensor) { return element_count(tensor) * element_bytes(tensor.dtype); }

int64_t physical_bytes(const kiln_tensor& tensor) {
  return physical_axes(tensor).elements * element_bytes(tensor.dtype);
}

kiln_layout plain_layout() {
  kiln_layout layout = {};
  for (int i = 0; i < KILN_MAX_RANK; ++i) layout.order[i] = static_cast<int8_t>(i);
  return layout;
}

void check_tensor(const kiln_tensor& tensor) {
  if (tensor.dtype != KILN_F32 && tensor.dtype != KILN_U8 && tensor.dtype != KILN_I32) refuse(tensor, "unknown dtype");
  if (tensor.rank < 0 || tensor.rank > KILN_MAX_RANK) refuse(tensor, "rank " + std::to_string(tensor.rank));
  const kiln_layout& layout = tensor.layout;
  if (layout.block_count < 0 || layout.block_count > KILN_MAX_BLOCKS) refuse(tensor, "too many blocks in its layout");
  bool seen[KILN_MAX_RANK] = {};
  for (int i = 0; i < tensor.rank; ++i) {
    const int dim = layout.order[i];
    if (dim < 0 || dim >= tensor.rank || seen[dim]) refuse(tensor, "the order in its layout is no permutation");
    seen[dim] = true;
  }
  // Far above any tensor, far below overflow, even when blocks round every dim up.
  double elements = 1;
  for (int d = 0; d < tensor.rank; ++d) {
    if (tensor.dims[d] < 1) refuse(tensor, "dim " + std::to_string(d) + " is " + std::to_string(tensor.dims[d]));
    elements *= static_cast<double>(tensor.dims[d]);
  }
  for (int b = 0; b < layout.block_count; ++b) {
    const kiln_block& block = layout.blocks[b];
    if (block.dim < 0 || block.dim >= tensor.rank || block.size < 1) refuse(tensor, "impossible block in its layout");
    elements *= block.size;
  }
  if (elements > 0x1p56) refuse(tensor, "too large");
  if (tensor.bytes != physical_bytes(tensor)) {
    refuse(tensor, "described as " + std::to_string(tensor.bytes) + " bytes, its layout takes " +
                       std::to_string(physical_bytes(tensor)));
  }
}

void pack(const kiln_tensor& tensor, const void* logical, void* physical) {
  const Axes axes = physical_axes(tensor);
  if (is_plain(tensor)) {
    std::memcpy(physical, logical, static_cast<size_t>(axes.elements * element_bytes(tensor.dtype)));
  } else if (element_bytes(tensor.dtype) == 1) {
    Walk<const uint8_t*, uint8_t*>(tensor, axes)
        .run(0, static_cast<const uint8_t*>(logical), static_cast<uint8_t*>(physical));
  } else {
    Walk<const uint32_t*, uint32_t*>(tensor, axes)
        .run(0, static_cast<const uint32_t*>(logical), static_cast<uint32_t*>(physical));
  }
}

void unpack(const kiln_tensor& tensor, const void* physical, void* logical) {
  const Axes axes = physical_axes(tensor);
  if (is_plain(tensor)) {
    std::memcpy(logical, physical, static_cast<size_t>(axes.elements * element_bytes(tensor.dtype)));
  } else if (element_bytes(tensor.dtype) == 1) {
    Walk<uint8_t*, const uint8_t*>(tensor, axes)
        .run(0, static_cast<uint8_t*>(logical), static_cast<const uint8_t*>(physical));
  } else {
    Walk<uint32_t*, const uint32_t*>(tensor, axes)
        .run(0, static_cast<uint32_t*>(logical), static_cast<const uint32_t*>(physical));
  }
}

} // namespace kiln::runtime
