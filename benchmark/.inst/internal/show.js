/** Values that were not expected, as text for an error message: short, whatever they are. */
import * as Duration from "effect/Duration";
const longest = 100;
const named = (_key, value) => typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value)) ? String(value) : value;
export const show = (value) => {
    let text;
    try {
        if (Duration.isDuration(value))
            text = Duration.format(value);
        else if (typeof value === "string" || typeof value === "object")
            text = JSON.stringify(value, named);
    }
    catch {
        // What has a circle is shown by its name.
    }
    text ??= String(value);
    return text.length > longest ? `${text.slice(0, longest)}…` : text;
};
