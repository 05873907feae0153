#!/bin/bash
# boot.sh FOLDER: boots the emulated host of setup.sh with FOLDER as its disk, mounted at /mnt; what is left there comes
# back into FOLDER.
set -euo pipefail
cache=${CACHE:?the directory of setup.sh}
folder=$1
disk=$folder.img
trap 'rm -f "$disk"' EXIT
truncate -s 512M "$disk"
mkfs.ext4 -q -F -O ^has_journal,^metadata_csum,^64bit -d "$folder" "$disk"
timeout "${LIMIT:-300}" qemu-system-aarch64 -M virt,virtualization=on,gic-version=3 -cpu neoverse-n1 -smp 2 -m 2G \
  -accel tcg,thread=multi -kernel "$cache/vmlinuz" -initrd "$cache/initrd.gz" \
  -append "console=ttyAMA0 default_hugepagesz=2M hugepagesz=2M hugepages=64 panic=-1" \
  -nographic -monitor none -serial "file:$folder.console" -no-reboot -nic none \
  -drive "file=$disk,if=none,id=disk,format=raw,cache=unsafe" -device virtio-blk-pci,drive=disk < /dev/null
debugfs -R "rdump / $folder" "$disk" 2>&1 | grep -v '^debugfs\|^$\|lost+found' || true
