export declare const show: (value: unknown) => string;
