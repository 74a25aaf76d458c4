/** The mark of the product. */
import type { JSX } from "preact";

/** Three that agree. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 20 20" aria-hidden="true">
      <path d="M10 4 4 15h12z" fill="none" stroke="currentColor" stroke-width="1.6" />
      <circle cx="10" cy="4" r="3" />
      <circle cx="4" cy="15" r="3" />
      <circle cx="16" cy="15" r="3" />
    </svg>
  );
}
