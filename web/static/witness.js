/**
 * Whose journal an answer comes from: `Countertop-Witness: writer;seq;hash`, in all that a gateway says.
 *
 * A writer is `<location>.<incarnation>`. A box that takes the place of another has a higher
 * incarnation; what a lower one is, that answers after a higher one, is an old image of it.
 */

const HEADER = "Countertop-Witness";

/** The writer that answered, such as "riverside.1"; null of a program that has no witness. */
export function writerOf(response) {
  return response.headers.get(HEADER)?.split(";")[0] ?? null;
}

/** A writer taken apart. */
export function lifeOf(writer) {
  const dot = writer.lastIndexOf(".");
  return { location: writer.slice(0, dot), incarnation: Number(writer.slice(dot + 1)) };
}
