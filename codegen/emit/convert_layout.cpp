// Between layouts. Each logical dim is split into blocks and lanes on both sides alike; both offsets are then linear in
// every coordinate, and the kernel walks the destination in its own order, a vector at a time along its innermost one.
// Lanes past a dim's end are written as zeros where the destination has them.
#include "ir/ops/convert_layout.h"

#include "codegen/emit/vectors.h"

#include <vector>

namespace kiln::codegen {

namespace {

// One coordinate: the block number of a dim, or the lane within its block.
struct Axis {
  int64_t extent;
  int64_t src_stride;
  int64_t dst_stride;
  size_t dim;
  bool lane;
};

// A dim that either side splits.
struct SplitDim {
  int64_t size;          // elements
  int64_t block = 1;     // 1: not split
  bool dst_pads = false; // the destination splits it, so that it has lanes past the end

  bool partial() const { return size % block != 0; }
};

class Conversion {
public:
  Conversion(const ir::TensorType& src, const ir::TensorType& dst) {
    for (int64_t size : src.dims) dims_.push_back(SplitDim{.size = size});
    for (const ir::TensorType* type : {&src, &dst})
      for (const auto& block : blocks_of(*type)) {
        SplitDim& dim = dims_[static_cast<size_t>(block.dim)];
        dim.block = block.size;
        if (type == &dst) dim.dst_pads = true;
      }
    const std::vector<Stride> from = strides(src);
    for (const Stride& to : strides(dst)) {
      const auto same =
          std::find_if(from.begin(), from.end(), [&](const Stride& s) { return s.dim == to.dim && s.lane == to.lane; });
      axes_.push_back({to.lane ? dims_[to.dim].block : divide_up(dims_[to.dim].size, dims_[to.dim].block), same->stride,
                       to.stride, to.dim, to.lane});
    }
    // Outermost first, as the destination lies in memory; neighbours that are one run on both sides become one.
    std::stable_sort(axes_.begin(), axes_.end(),
                     [](const Axis& a, const Axis& b) { return a.dst_stride > b.dst_stride; });
    std::erase_if(axes_, [](const Axis& axis) { return axis.extent == 1 && !axis.lane; });
    for (size_t i = axes_.size(); i-- > 1;) merge(i - 1);
    if (axes_.empty()) axes_.push_back({1, 1, 1, 0, false});
  }

  const std::vector<Axis>& axes() const { return axes_; }
  const SplitDim& dim(size_t d) const { return dims_[d]; }

private:
  struct Stride {
    size_t dim;
    bool lane;
    int64_t stride;
  };

  static std::vector<ir::PhysicalForm::Block> blocks_of(const ir::TensorType& type) {
    auto blocks = ir::physical_form(type.layout, type.rank()).blocks;
    std::erase_if(blocks, [](const auto& block) { return block.size == 1; });
    return blocks;
  }

  // Strides of both coordinates of each split dim, in the layout's order, outermost first.
  std::vector<Stride> strides(const ir::TensorType& type) const {
    const ir::PhysicalForm form{ir::physical_form(type.layout, type.rank()).order, blocks_of(type)};
    std::vector<bool> blocked(dims_.size(), false);
    for (const auto& block : form.blocks) blocked[static_cast<size_t>(block.dim)] = true;
    std::vector<Stride> result;
    int64_t stride = 1;
    for (size_t b = form.blocks.size(); b-- > 0;) {
      result.insert(result.begin(), {static_cast<size_t>(form.blocks[b].dim), true, stride});
      stride *= form.blocks[b].size;
    }
    for (size_t d = form.order.size(); d-- > 0;) {
      const auto dim = static_cast<size_t>(form.order[d]);
      const SplitDim& split = dims_[dim];
      // A dim that only the other side splits: its lanes and blocks are one run here.
      if (split.block != 1 && !blocked[dim]) {
        result.insert(result.begin(), {dim, true, stride});
        result.insert(result.begin(), {dim, false, stride * split.block});
      } else {
        result.insert(result.begin(), {dim, false, stride});
      }
      stride *= blocked[dim] ? divide_up(split.size, split.block) : split.size;
    }
    return result;
  }

  void merge(size_t outer) {
    Axis& a = axes_[outer];
    const Axis& b = axes_[outer + 1];
    const bool whole = dims_[a.dim].block == 1 && dims_[b.dim].block == 1;
    if (!whole || a.src_stride != b.src_stride * b.extent || a.dst_stride != b.dst_stride * b.extent) return;
    a = {a.extent * b.extent, b.src_stride, b.dst_stride, a.dim, false};
    axes_.erase(axes_.begin() + static_cast<std::ptrdiff_t>(outer) + 1);
  }

  std::vector<SplitDim> dims_;
  std::vector<Axis> axes_;
};

// Writes the walk over all axes into a kernel.
class ConversionKernel {
public:
  ConversionKernel(KernelBuilder& k, const Conversion& conversion, Pointer src, Pointer dst)
      : k_(k), conversion_(conversion), axes_(conversion.axes()), src_(src), dst_(dst), at_(axes_.size(), k.index(0)) {}

  // The positions of the first `tasks.size()` axes are given by the task.
  void run(const std::vector<Index>& task) { walk(task, 0, k_.index(0), k_.index(0)); }

private:
  void walk(const std::vector<Index>& task, size_t level, Index from, Index to) {
    const Axis& axis = axes_[level];
    if (level + 1 == axes_.size()) {
      guarded_row(from, to);
      return;
    }
    const auto step = [&](Index i) {
      at_[level] = i;
      walk(task, level + 1, from + i * axis.src_stride, to + i * axis.dst_stride);
    };
    if (level < task.size())
      step(task[level]);
    else
      k_.for_range(0, axis.extent, 1, step);
  }

  // Elements of a partly filled dim from the given block on, fewer than a block in the last one.
  Index left_in_block(size_t dim) const {
    Index block = k_.index(0);
    for (size_t level = 0; level < axes_.size(); ++level)
      if (axes_[level].dim == dim && !axes_[level].lane) block = at_[level];
    return block * -conversion_.dim(dim).block + conversion_.dim(dim).size;
  }

  // A row stands wholly past the end of a dim when one of the outer axes is such a lane.
  void guarded_row(Index from, Index to) {
    Condition present = k_.condition(true);
    Condition padding = k_.condition(true); // what is not present is padding of the destination
    bool guarded = false;
    for (size_t level = 0; level + 1 < axes_.size(); ++level) {
      const Axis& axis = axes_[level];
      if (!axis.lane || !conversion_.dim(axis.dim).partial()) continue;
      const Condition inside = at_[level] < left_in_block(axis.dim);
      present = present & inside;
      if (!conversion_.dim(axis.dim).dst_pads) padding = padding & inside;
      guarded = true;
    }
    if (!guarded)
      row(from, to);
    else
      k_.if_else(
          present, [&] { row(from, to); }, [&] { k_.if_(padding, [&] { k_.fill_zero(dst_ + to, row_elements()); }); });
  }

  Index row_elements() const {
    const Axis& axis = axes_.back();
    if (!partial_row() || conversion_.dim(axis.dim).dst_pads) return k_.index(axis.extent);
    return min(left_in_block(axis.dim), axis.extent);
  }
  bool partial_row() const { return axes_.back().lane && conversion_.dim(axes_.back().dim).partial(); }

  void row(Index from, Index to) {
    if (!partial_row()) {
      move(from, to, {});
      return;
    }
    const Index left = left_in_block(axes_.back().dim);
    k_.if_else(
        left >= axes_.back().extent, [&] { move(from, to, {}); }, [&] { move(from, to, left); });
  }

  // The row's elements, the first `present` of them if given; the others become zero, or are not the destination's.
  void move(Index from, Index to, std::optional<Index> present) {
    const Axis& axis = axes_.back();
    const bool pads = conversion_.dim(axis.dim).dst_pads;
    if (src_.element == ElementType::u8) {
      const Index count = present ? *present : k_.index(axis.extent);
      k_.for_range(0, count, 1,
                   [&](Index i) { k_.copy(dst_ + (to + i), src_ + (from + i * axis.src_stride), k_.index(1)); });
      if (present && pads) k_.fill_zero(dst_ + (to + count), k_.index(axis.extent) - count);
      return;
    }
    for_vectors(k_, k_.index(0), axis.extent, [&](const Span& i) {
      Span source{from + i.offset * axis.src_stride, i.mask};
      Span target{to + i.offset, i.mask};
      if (present) {
        const Mask there = k_.first_lanes(*present - i.offset);
        source.mask = i.mask ? *i.mask & there : there;
        if (!pads) target.mask = source.mask;
      }
      store(k_, dst_, target, load_along(source));
    });
  }

  F32 load_along(const Span& at) {
    const int64_t stride = axes_.back().src_stride;
    if (stride == 1) return load(k_, src_, at);
    return at.mask ? k_.load_strided(src_, at.offset, k_.index(stride), *at.mask)
                   : k_.load_strided(src_, at.offset, k_.index(stride));
  }

  KernelBuilder& k_;
  const Conversion& conversion_;
  const std::vector<Axis>& axes_;
  Pointer src_, dst_;
  std::vector<Index> at_; // position of each outer axis
};

// Blocks of different sizes on the two sides: rare (no target has two vector widths), so element by element.
bool same_blocks(const ir::TensorType& src, const ir::TensorType& dst) {
  return src.layout.block <= 1 || dst.layout.block <= 1 || src.layout.block == dst.layout.block;
}

// ir::physical_offset in emitted code.
Index offset_of(KernelBuilder& k, const ir::TensorType& type, std::vector<Index> position) {
  const ir::PhysicalForm form = ir::physical_form(type.layout, type.rank());
  ir::Dims extent = type.dims;
  std::vector<Index> lanes;
  for (size_t b = form.blocks.size(); b-- > 0;) {
    const auto dim = static_cast<size_t>(form.blocks[b].dim);
    lanes.insert(lanes.begin(), position[dim] % form.blocks[b].size);
    position[dim] = position[dim] / form.blocks[b].size;
    extent[dim] = divide_up(extent[dim], form.blocks[b].size);
  }
  Index offset = k.index(0);
  for (int8_t dim : form.order) offset = offset * extent[static_cast<size_t>(dim)] + position[static_cast<size_t>(dim)];
  for (size_t b = 0; b < form.blocks.size(); ++b) offset = offset * form.blocks[b].size + lanes[b];
  return offset;
}

void emit_by_element(Emission& emission, ElementType element) {
  const ir::TensorType src = emission.operand_type(0);
  const ir::TensorType dst = emission.result_type();
  emission.launch("elements", {emission.operand(0), emission.result()}, {}, 1, [=](KernelBuilder& k) {
    const Pointer from = k.operand(0, element);
    const Pointer to = k.operand(1, element);
    const int64_t total = dst.elements();
    k.begin_tasks([&](Index) {
      k.fill_zero(to, k.index(dst.physical_elements()));
      k.for_range(0, total, 1, [&](Index i) {
        std::vector<Index> position(src.dims.size(), k.index(0));
        Index rest = i;
        for (size_t d = src.dims.size(); d-- > 0; rest = rest / src.dims[d]) position[d] = rest % src.dims[d];
        k.copy(to + offset_of(k, dst, position), from + offset_of(k, src, position), k.index(1));
      });
    });
  });
}

} // namespace

template <> void emit<ir::ConvertLayout>(Emission& emission) {
  // i32 is moved as if it were f32: loads and stores keep bits.
  const ElementType element = emission.result_type().dtype == ir::DType::u8 ? ElementType::u8 : ElementType::f32;
  if (!same_blocks(emission.operand_type(0), emission.result_type())) {
    emit_by_element(emission, element);
    return;
  }
  const Conversion conversion(emission.operand_type(0), emission.result_type());
  const std::vector<Axis>& axes = conversion.axes();
  const size_t task_axes = std::min<size_t>(2, axes.size() - 1);
  int64_t tasks = 1;
  for (size_t level = 0; level < task_axes; ++level) tasks *= axes[level].extent;
  emission.launch("convert", {emission.operand(0), emission.result()}, {}, tasks, [=](KernelBuilder& k) {
    const Pointer src = k.operand(0, element);
    const Pointer dst = k.operand(1, element);
    k.begin_tasks([&](Index task) {
      std::vector<Index> position;
      if (task_axes == 1) position = {task};
      if (task_axes == 2) position = {task / conversion.axes()[1].extent, task % conversion.axes()[1].extent};
      ConversionKernel(k, conversion, src, dst).run(position);
    });
  });
}

} // namespace kiln::codegen
