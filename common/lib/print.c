// SPDX-License-Identifier: MIT
/* Formatted output: one formatter, with the destination as a function. What it leaves out stands in print.h.
 */
#include "lib/print.h"
#include "lib/string.h"

struct out {
	void (*put)(char c, void *ctx);
	void *ctx;
	int count;
};

struct spec {
	bool left, zero, alternate, negative;
	int width, precision; /* precision -1: none */
};

static void emit(struct out *o, char c)
{
	o->put(c, o->ctx);
	o->count++;
}

static void pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		emit(o, c);
}

static void emit_text(struct out *o, const struct spec *sp, const char *s)
{
	int n = 0;

	if (!s)
		s = "(null)";
	while (s[n] && (sp->precision < 0 || n < sp->precision))
		n++;
	if (!sp->left)
		pad(o, ' ', sp->width - n);
	for (int i = 0; i < n; i++)
		emit(o, s[i]);
	if (sp->left)
		pad(o, ' ', sp->width - n);
}

static void emit_number(struct out *o, const struct spec *sp, u64 v, unsigned base, const char *digits)
{
	char buf[20];
	int n = 0;
	const char *prefix = sp->negative ? "-" : sp->alternate && base == 16 ? "0x" : "";
	int length;

	do
		buf[n++] = digits[v % base];
	while (v /= base);
	length = n + (int)strlen(prefix);
	if (!sp->left && !sp->zero)
		pad(o, ' ', sp->width - length);
	while (*prefix)
		emit(o, *prefix++);
	if (!sp->left && sp->zero)
		pad(o, '0', sp->width - length);
	while (n)
		emit(o, buf[--n]);
	if (sp->left)
		pad(o, ' ', sp->width - length);
}

static int read_count(const char **fmt, va_list *ap)
{
	int n = 0;

	if (**fmt == '*') {
		(*fmt)++;
		return va_arg(*ap, int);
	}
	while (**fmt >= '0' && **fmt <= '9')
		n = n * 10 + *(*fmt)++ - '0';
	return n;
}

static const char *read_spec(const char *fmt, struct spec *sp, va_list *ap)
{
	*sp = (struct spec){.precision = -1};
	for (;; fmt++) {
		if (*fmt == '-')
			sp->left = true;
		else if (*fmt == '0')
			sp->zero = true;
		else if (*fmt == '#')
			sp->alternate = true;
		else
			break;
	}
	sp->width = read_count(&fmt, ap);
	if (sp->width < 0) { /* from a *: the flag - and the width */
		sp->left = true;
		sp->width = -sp->width;
	}
	if (*fmt == '.') {
		fmt++;
		sp->precision = read_count(&fmt, ap);
	}
	return fmt;
}

/* An integer argument of `size` bytes, sign- or zero-extended. */
static u64 read_integer(unsigned size, bool is_signed, va_list *ap)
{
	u64 v = size == 8 ? va_arg(*ap, u64) : va_arg(*ap, unsigned);
	unsigned shift = 64 - size * 8;

	return is_signed ? (u64)((s64)(v << shift) >> shift) : v << shift >> shift;
}

static const char *read_size(const char *fmt, unsigned *size)
{
	*size = 4;
	for (;; fmt++) {
		if (*fmt == 'l' || *fmt == 'z')
			*size = 8;
		else if (*fmt == 'h')
			*size /= 2;
		else
			return fmt;
	}
}

static void emit_conversion(struct out *o, char conversion, struct spec *sp, unsigned size, va_list *ap)
{
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
	u64 v;
	char c[2] = {0};

	switch (conversion) {
	case 'c':
		c[0] = (char)va_arg(*ap, int);
		emit_text(o, sp, c);
		break;
	case 's':
		emit_text(o, sp, va_arg(*ap, const char *));
		break;
	case 'd':
	case 'i':
		v = read_integer(size, true, ap);
		sp->negative = (s64)v < 0;
		emit_number(o, sp, sp->negative ? -v : v, 10, lower);
		break;
	case 'u':
		emit_number(o, sp, read_integer(size, false, ap), 10, lower);
		break;
	case 'x':
		emit_number(o, sp, read_integer(size, false, ap), 16, lower);
		break;
	case 'X':
		emit_number(o, sp, read_integer(size, false, ap), 16, upper);
		break;
	case 'p':
		sp->alternate = true;
		emit_number(o, sp, (u64)va_arg(*ap, void *), 16, lower);
		break;
	default:
		emit(o, conversion);
	}
}

int format_to(void (*put)(char c, void *ctx), void *ctx, const char *fmt, va_list args)
{
	struct out o = {.put = put, .ctx = ctx};
	va_list ap;

	va_copy(ap, args);
	while (*fmt) {
		struct spec sp;
		unsigned size;

		if (*fmt != '%') {
			emit(&o, *fmt++);
			continue;
		}
		fmt = read_spec(fmt + 1, &sp, &ap);
		fmt = read_size(fmt, &size);
		if (!*fmt)
			break;
		emit_conversion(&o, *fmt++, &sp, size, &ap);
	}
	va_end(ap);
	return o.count;
}

struct buffer {
	char *p;
	size_t used, size;
};

static void put_buffer(char c, void *ctx)
{
	struct buffer *b = ctx;

	if (b->used + 1 < b->size)
		b->p[b->used++] = c;
}

int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct buffer b = {buf, 0, size};
	int n = format_to(put_buffer, &b, fmt, ap);

	if (size)
		buf[b.used] = 0;
	return n;
}

int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

static void put_console(char c, void *ctx)
{
	(void)ctx;
	console_putc(c);
}

int kvprintf(const char *fmt, va_list ap)
{
	return format_to(put_console, NULL, fmt, ap);
}

int kprintf(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvprintf(fmt, ap);
	va_end(ap);
	return n;
}
