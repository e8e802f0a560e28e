// SPDX-License-Identifier: LGPL-2.1-or-later
/// Bytes that go from host to host, written and read with bounds. Numbers have their high byte
/// first; a text has its length in two bytes before it.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace swpath
{

class ByteWriter
{
public:
	template <std::unsigned_integral T>
	void number(T value)
	{
		for (int shift = static_cast<int>(sizeof(T) - 1) * 8; shift >= 0; shift -= 8)
			bytes.push_back(static_cast<char>(value >> shift & 0xff));
	}
	/// What is longer than `bytes_max`, at most 65535, is cut.
	void text(std::string_view value, std::size_t bytes_max)
	{
		value = value.substr(0, bytes_max);
		number(static_cast<std::uint16_t>(value.size()));
		bytes += value;
	}
	std::string bytes;
};

/// The first thing that is not there, or not allowed, makes everything after it fail: zeros and
/// empty texts are returned, and good() is false from then on.
class ByteReader
{
public:
	explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

	template <std::unsigned_integral T>
	T number()
	{
		T value = 0;
		for (const char each : take(sizeof(T)))
			value = static_cast<T>(value << 8 | static_cast<unsigned char>(each));
		return value;
	}
	bool flag()
	{
		const auto value = number<std::uint8_t>();
		expect(value <= 1);
		return value == 1;
	}
	std::string text(std::size_t bytes_max)
	{
		const auto size = number<std::uint16_t>();
		expect(size <= bytes_max);
		return std::string(take(size));
	}
	/// The next `size` bytes; empty if there are not so many.
	std::string_view take(std::size_t size)
	{
		expect(size <= rest_.size());
		if (!good_)
			return {};
		const auto taken = rest_.substr(0, size);
		rest_.remove_prefix(size);
		return taken;
	}
	/// All that is left.
	std::string_view take_rest() { return take(rest_.size()); }
	void expect(bool condition) { good_ &= condition; }
	[[nodiscard]] bool good() const { return good_; }
	[[nodiscard]] bool at_end() const { return good_ && rest_.empty(); }

private:
	std::string_view rest_;
	bool good_ = true;
};

} // namespace swpath
