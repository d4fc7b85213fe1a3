// operations.h: the plain and the fast version of every operation behind one name, so that each
// test holds both to the same numbers.
#pragma once

#include <QTest>

#include "kernels/kernels.h"

namespace support {

enum class Version { kRef, kCpu };

inline kernels::ThreadPool& testPool() {
  static kernels::ThreadPool pool(2);
  return pool;
}

// One overload per argument struct.
#define LECTERN_OPERATION(Args, Ref, Cpu)                       \
  inline void run(Version version, const kernels::Args& args) { \
    if (version == Version::kRef)                               \
      kernels::Ref(args);                                       \
    else                                                        \
      kernels::Cpu(args, testPool());                           \
  }
LECTERN_OPERATION(AttendArgs, attendSparseRef, attendSparseCpu)
LECTERN_OPERATION(ExpertsArgs, expertsRef, expertsCpu)
LECTERN_OPERATION(GroupedOutArgs, groupedOutRef, groupedOutCpu)
LECTERN_OPERATION(HcPreArgs, hcPreRef, hcPreCpu)
LECTERN_OPERATION(HcPostArgs, hcPostRef, hcPostCpu)
LECTERN_OPERATION(HcHeadArgs, hcHeadRef, hcHeadCpu)
LECTERN_OPERATION(HeadNormArgs, headNormRef, headNormCpu)
LECTERN_OPERATION(IndexSelectArgs, indexSelectRef, indexSelectCpu)
LECTERN_OPERATION(LinearArgs, linearRef, linearCpu)
LECTERN_OPERATION(RmsNormArgs, rmsNormRef, rmsNormCpu)
LECTERN_OPERATION(RopeArgs, ropeRef, ropeCpu)
#undef LECTERN_OPERATION

inline void run(Version version, const kernels::CompressArgs& args) {
  version == Version::kRef ? kernels::compressRef(args) : kernels::compressCpu(args);
}

}  // namespace support

Q_DECLARE_METATYPE(support::Version)

// Every test of an operation has a data function that calls this, and begins with FETCH_VERSION.
inline void bothVersions() {
  QTest::addColumn<support::Version>("version");
  QTest::newRow("reference") << support::Version::kRef;
  QTest::newRow("cpu") << support::Version::kCpu;
}
#define FETCH_VERSION QFETCH(const support::Version, version)
