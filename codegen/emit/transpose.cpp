// Transposition. Where the innermost dim stays, rows are copied. Where it moves, tiles of a vector's width squared are
// loaded along the source's innermost axis, turned in registers and stored along the result's.
#include "ir/ops/transpose.h"

#include "codegen/emit/axes.h"
#include "codegen/register_transpose.h"

namespace kiln::codegen {

namespace {

constexpr size_t kSource = 0, kResult = 1; // tensors of an axis

// The axes of the result, with the strides of both, merged where dims stay neighbours.
std::vector<Axis> transposed_axes(const ir::TensorType& src, const ir::TensorType& dst, const ir::Dims& order) {
  const std::vector<PhysicalAxis> from = physical_axes(src);
  std::vector<Axis> axes;
  for (const PhysicalAxis& to : physical_axes(dst))
    axes.push_back({to.extent, {from[static_cast<size_t>(order[to.dim])].stride, to.stride}, false});
  return merged(std::move(axes));
}

struct Tiles {
  std::vector<Axis> outer; // all but the two that are turned
  Axis along_source{};     // stride 1 in the source
  Axis along_result{};     // stride 1 in the result

  explicit Tiles(std::vector<Axis> axes) : along_result(axes.back()) {
    axes.pop_back();
    for (const Axis& axis : axes) {
      if (axis.strides[kSource] == 1)
        along_source = axis;
      else
        outer.push_back(axis);
    }
  }
  // A task is a strip of tiles along the result's innermost axis.
  int64_t strips(int64_t width) const {
    int64_t count = divide_up(along_source.extent, width);
    for (const Axis& axis : outer) count *= axis.extent;
    return count;
  }
};

// Rows [0, rows) of the tile at the two pointers, of `columns` elements each in the source.
void turn_tile(KernelBuilder& k, const Tiles& tiles, Pointer src, Pointer dst, Index rows, Index columns) {
  const int32_t width = k.width();
  const auto move = [&](bool whole) {
    const auto mask = [&](int32_t i, Index count, Index lanes) {
      return k.first_lanes(select(count > i, lanes, k.index(0)));
    };
    std::vector<F32> tile;
    for (int32_t i = 0; i < width; ++i) {
      const Index at = k.index(i * tiles.along_result.strides[kSource]);
      tile.push_back(whole ? k.load(src, at) : k.load(src, at, mask(i, rows, columns)));
    }
    tile = transposed(std::move(tile));
    for (int32_t i = 0; i < width; ++i) {
      const Index at = k.index(i * tiles.along_source.strides[kResult]);
      if (whole)
        k.store(dst, at, tile[static_cast<size_t>(i)]);
      else
        k.store(dst, at, tile[static_cast<size_t>(i)], mask(i, columns, rows));
    }
  };
  k.if_else((rows >= width) & (columns >= width), [&] { move(true); }, [&] { move(false); });
}

} // namespace

template <> void emit<ir::Transpose>(Emission& emission) {
  const std::vector<Axis> axes = transposed_axes(emission.operand_type(0), emission.result_type(),
                                                 emission.node().attributes<ir::Transpose>().order);
  const std::vector<BufferRef> buffers = {emission.operand(0), emission.result()};
  if (axes.empty() || axes.back().strides[kSource] == 1) {
    const Walk walk(axes.empty() ? std::vector<Axis>{{1, {1, 1}, false}} : axes);
    emission.launch("rows", buffers, {}, walk.tasks(), [=](KernelBuilder& k) {
      const Pointer src = k.operand(0);
      const Pointer dst = k.operand(1);
      walk.for_each(k, [&](const Walk::Row& row, const Span& at) {
        store(k, dst, Span{row.offsets[kResult] + at.offset, at.mask},
              load(k, src, Span{row.offsets[kSource] + at.offset, at.mask}));
      });
    });
    return;
  }
  const Tiles tiles(axes);
  const int64_t width = emission.target().vector_width;
  const int64_t strips = tiles.strips(width);
  const int64_t per_task = std::max<int64_t>(kChunk / (width * tiles.along_result.extent), 1);
  emission.launch("tiles", buffers, {}, divide_up(strips, per_task), [=](KernelBuilder& k) {
    const Pointer src = k.operand(0);
    const Pointer dst = k.operand(1);
    const int64_t columns = divide_up(tiles.along_source.extent, width);
    k.begin_tasks([&](Index task) {
      k.for_range(task * per_task, min(task * per_task + per_task, strips), 1, [&](Index strip) {
        const Index column = strip % columns * width;
        Index rest = strip / columns;
        Index from = column, to = column * tiles.along_source.strides[kResult];
        for (size_t i = tiles.outer.size(); i-- > 0; rest = rest / tiles.outer[i].extent) {
          const Index position = i == 0 ? rest : rest % tiles.outer[i].extent;
          from = from + position * tiles.outer[i].strides[kSource];
          to = to + position * tiles.outer[i].strides[kResult];
        }
        const Index wide = min(k.index(tiles.along_source.extent) - column, width);
        k.for_range(0, tiles.along_result.extent, width, [&](Index row) {
          turn_tile(k, tiles, src + (from + row * tiles.along_result.strides[kSource]), dst + (to + row),
                    min(k.index(tiles.along_result.extent) - row, width), wide);
        });
      });
    });
  });
}

} // namespace kiln::codegen
