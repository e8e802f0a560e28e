// SPDX-License-Identifier: GPL-2.0-or-later
#include "libpath/sys/medium.h"

#include <cstring>

#include <fcntl.h>

#include "tests/unit/sys/temporary_directory.h"

namespace swpath
{
namespace
{

class Medium : public TemporaryDirectory
{
};

TEST(AlignedBuffer, IsWholePages)
{
	for (const std::size_t bytes : {0, 1, 4096, 4097}) {
		AlignedBuffer buffer(bytes);
		EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.span().data()) % 4096, 0U);
		EXPECT_GE(buffer.span().size(), std::max<std::size_t>(bytes, 4096));
		EXPECT_EQ(buffer.span().size() % 4096, 0U);
	}
}

TEST_F(Medium, IsReadWholeOrNotAtAll)
{
	const auto file = write("disk", std::string(4096, 'a') + std::string(4096, 'b'));
	const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
	AlignedBuffer buffer(4096);
	ASSERT_TRUE(read_medium(fd.get(), 4096, buffer.span()));
	EXPECT_EQ(buffer.span()[0], std::byte{'b'});
	EXPECT_EQ(buffer.span()[4095], std::byte{'b'});
	const auto beyond = read_medium(fd.get(), 6144, buffer.span());
	ASSERT_FALSE(beyond);
	EXPECT_EQ(beyond.error().code, std::errc::no_such_device_or_address);
	EXPECT_EQ(beyond.error().context, "read 4096 bytes at 6144");
}

TEST_F(Medium, ALegThatIsNotThereIsNamed)
{
	EXPECT_EQ(open_leg(path("sdx")).error().context, "open " + path("sdx"));
}

TEST_F(Medium, AFileHasNoGeometry)
{
	const UniqueFd fd(open(write("file", "x").c_str(), O_RDONLY | O_CLOEXEC));
	EXPECT_EQ(kernel_geometry(fd.get()).error().code,
		  std::errc::inappropriate_io_control_operation);
}

} // namespace
} // namespace swpath
