/** The selected episode. */
export interface Picked {
  readonly side: number;
  readonly row: number;
}

export class Selection {
  picked: Picked | undefined;
  private readonly listeners: (() => void)[] = [];

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  pick(picked: Picked | undefined): void {
    this.picked = picked;
    for (const listener of this.listeners) listener();
  }
}
