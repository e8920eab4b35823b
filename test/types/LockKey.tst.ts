import { LockKey } from "effect-lock"
import { typeOf } from "./same.ts"

declare const text: string

// The placeholders are the arguments.
const invoice = LockKey.template("invoice-{customer}-{month}")
typeOf(invoice).is<LockKey.Template<"invoice-{customer}-{month}">>()
typeOf(invoice.template).is<"invoice-{customer}-{month}">()
typeOf(invoice({ customer: 7, month: "may" })).is<string>()
typeOf({} as LockKey.Arguments<"invoice-{customer}-{month}">).is<
  { readonly customer: LockKey.Part; readonly month: LockKey.Part }
>()
invoice({ customer: 7n, month: true })
// @ts-expect-error: one is missing
invoice({ customer: 7 })
// @ts-expect-error: one too many
invoice({ customer: 7, month: "may", day: 1 })
// @ts-expect-error: not a part of a key
invoice({ customer: { id: 7 }, month: "may" })
// @ts-expect-error: nothing at all
invoice({ customer: undefined, month: "may" })
// @ts-expect-error: by name, not by position
invoice(7, "may")

LockKey.template("constant")({})

// What is wrong with a template does not compile.
// @ts-expect-error: positional
LockKey.template("foo-{0}")
// @ts-expect-error: no name
LockKey.template("foo-{}")
// @ts-expect-error: a path
LockKey.template("foo-{a.b}")
// @ts-expect-error: a format
LockKey.template("foo-{a:d}")
// @ts-expect-error: not closed
LockKey.template("foo-{a")
// @ts-expect-error: not opened
LockKey.template("foo-a}")
// @ts-expect-error: nothing between two
LockKey.template("{a}{b}")

// A template that the compiler does not know takes any names.
typeOf(LockKey.template(text)).is<LockKey.Template<string>>()
typeOf(LockKey.template(text)({ whatever: 1 })).is<string>()
