// test_main.h: one executable per room holds several Qt Test classes.
//
// LECTERN_TEST(FormatsTest) registers a class; `kernels_tests FormatsTest [qt test arguments]`
// runs one class, without a name all of them run. CTest knows each class by name.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <QObject>
#include <QTest>

namespace support {

using MakeTest = std::function<std::unique_ptr<QObject>()>;
int registerTest(std::string name, MakeTest make);

}  // namespace support

#define LECTERN_TEST(Class)                                \
  static const int registered_##Class =                    \
      ::support::registerTest(#Class, [] { return std::make_unique<Class>(); });
