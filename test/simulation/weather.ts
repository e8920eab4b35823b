/** How a network does. */
export interface Weather {
  readonly patienceMillis: number
  /** The longest usual time of a message. */
  readonly delayMillis: number
  /** Each a probability for one message. */
  readonly slow: number
  readonly lost: number
  readonly twice: number
  readonly refused: number
  /** Replies that make no sense. */
  readonly odd: number
  /** Operations that throw, die, or interrupt themselves. */
  readonly throws: number
  /** What is lost never breaks its connection. */
  readonly mute: boolean
}

/** Every message arrives, and in time. */
export const isCalm = ({ delayMillis, lost, odd, patienceMillis, refused, slow, throws }: Weather): boolean =>
  slow + lost + refused + odd + throws === 0 && 2 * delayMillis < patienceMillis
