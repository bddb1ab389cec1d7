/** Why this delivery failed. */
export class DeliveryFailure extends Error {
  /** True when another try would also fail. */
  readonly permanent: boolean;
  /** Milliseconds that the receiver asks to wait; 0 when it does not. */
  readonly wait: number;

  constructor(message: string, permanent: boolean, wait = 0, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DeliveryFailure';
    this.permanent = permanent;
    this.wait = wait;
  }
}
