/** Names of kvm_run's exit_reason: include/uapi/linux/kvm.h of v6.18, which only ever adds to them. */

const names = [
  "UNKNOWN",
  "EXCEPTION",
  "IO",
  "HYPERCALL",
  "DEBUG",
  "HLT",
  "MMIO",
  "IRQ_WINDOW_OPEN",
  "SHUTDOWN",
  "FAIL_ENTRY",
  "INTR",
  "SET_TPR",
  "TPR_ACCESS",
  "S390_SIEIC",
  "S390_RESET",
  "DCR",
  "NMI",
  "INTERNAL_ERROR",
  "OSI",
  "PAPR_HCALL",
  "S390_UCONTROL",
  "WATCHDOG",
  "S390_TSCH",
  "EPR",
  "SYSTEM_EVENT",
  "S390_STSI",
  "IOAPIC_EOI",
  "HYPERV",
  "ARM_NISV",
  "X86_RDMSR",
  "X86_WRMSR",
  "DIRTY_RING_FULL",
  "AP_RESET_HOLD",
  "X86_BUS_LOCK",
  "XEN",
  "RISCV_SBI",
  "RISCV_CSR",
  "NOTIFY",
  "LOONGARCH_IOCSR",
  "MEMORY_FAULT",
  "TDX",
  "ARM_SEA",
];

const EINTR = -4;

/** What the tracepoint kvm_userspace_exit prints of its two fields: the reason counts only where there is no error. */
export function exitReason(reason: number, errno: number): string {
  if (errno < 0) return errno === EINTR ? "restart" : "error";
  const name = names[reason];
  return name === undefined ? `0x${reason.toString(16)}` : `KVM_EXIT_${name}`;
}
