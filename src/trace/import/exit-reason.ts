/** kvm_userspace_exit's numbers, as its sentence prints them (KVM_EXIT_* of the kernel's UAPI, in its order). */

const reasons =
  "UNKNOWN EXCEPTION IO HYPERCALL DEBUG HLT MMIO IRQ_WINDOW_OPEN SHUTDOWN FAIL_ENTRY INTR SET_TPR TPR_ACCESS S390_SIEIC S390_RESET DCR NMI INTERNAL_ERROR OSI PAPR_HCALL S390_UCONTROL WATCHDOG S390_TSCH EPR SYSTEM_EVENT S390_STSI IOAPIC_EOI HYPERV ARM_NISV X86_RDMSR X86_WRMSR".split(
    " ",
  );
const EINTR = 4;

/** `reason` and `errno` of the event; the reason counts where there is no error. */
export function exitReason(reason: number, errno: number): string {
  if (errno < 0) return errno === -EINTR ? "restart" : "error";
  const name = reasons[reason];
  return name === undefined ? String(reason) : `KVM_EXIT_${name}`;
}
