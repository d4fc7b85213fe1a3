// kernels.h: every operation of the forward pass, one folder each.
//
// The room knows arrays, shapes and number formats; it does not know what a model, a token or a
// cache is. Each <op>.h is the contract, <op>_ref.cpp the truth in plain loops, <op>_cpu.cpp the
// version with Highway and threads (operations whose plain loop is fast enough have only one).
// Every result is independent of how many rows are computed together and of the threads.
#pragma once

#include "kernels/act_quant/act_quant.h"
#include "kernels/attend_sparse/attend_sparse.h"
#include "kernels/compress/compress.h"
#include "kernels/dtypes.h"
#include "kernels/embed/embed.h"
#include "kernels/experts/experts.h"
#include "kernels/finite/finite.h"
#include "kernels/grouped_out/grouped_out.h"
#include "kernels/hc/hc.h"
#include "kernels/head_norm/head_norm.h"
#include "kernels/index_pack/index_pack.h"
#include "kernels/index_select/index_select.h"
#include "kernels/kv_pack/kv_pack.h"
#include "kernels/linear/linear.h"
#include "kernels/matrix_view.h"
#include "kernels/paged_rows.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/route/route.h"
#include "kernels/thread_pool.h"
#include "kernels/topk/topk.h"
