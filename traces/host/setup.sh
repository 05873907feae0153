#!/bin/bash
# setup.sh: an emulated arm64 KVM host from Debian packages, under $CACHE. Run as root on Debian; a minute and
# about 2 GB, once. Leaves $CACHE/vmlinuz and $CACHE/initrd.gz, which boots, runs /mnt/run.sh and powers off.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${CACHE:?a directory to build in}
[ -e "$cache/ready" ] && exit 0
mkdir -p "$cache"/{apt/lists/partial,apt/archives/partial,packages,root}
touch "$cache/apt/status"

echo "installing qemu and a cross compiler"
apt-get update -qq
kernel_source=$(apt-cache search --names-only '^linux-source-[0-9.]*$' | awk '{ print $1 }' | sort -V | head -n 1)
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
  "$kernel_source" trace-cmd e2fsprogs cpio rsync kmod xz-utils make > "$cache/install.log" 2>&1

# arm64 packages from the suites this machine uses, with a state of their own: the machine's apt stays as it is.
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
  awk '/debian/ && $3 == "main" { print "deb [arch=arm64]", $1, $2, $3 }' > "$cache/apt/sources.list"
arm64=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State=$cache/apt" -o "Dir::State::Lists=$cache/apt/lists"
  -o "Dir::State::status=$cache/apt/status" -o "Dir::Cache=$cache/apt" -o "Dir::Etc::SourceList=$cache/apt/sources.list"
  -o Dir::Etc::SourceParts=/nonexistent -o APT::Sandbox::User=root)
apt-get "${arm64[@]}" update -qq
kernel=${KERNEL:-$(apt-cache "${arm64[@]}" depends linux-image-arm64 | awk '/Depends: linux-image/ { print $2; exit }')}
echo "fetching $kernel and what runs on it"
cd "$cache/packages"
apt-get "${arm64[@]}" download -qq "$kernel" busybox-static perl-base trace-cmd \
  libc6 libcrypt1 libtraceevent1 libtraceevent1-plugin libtracefs1 libzstd1
for package in *.deb; do dpkg -x "$package" "$cache/root"; done

echo "building kvm_page_table_test of $kernel_source"
mkdir -p "$cache/source"
tar -C "$cache/source" --strip-components=1 -xf "/usr/src/$kernel_source.tar.xz" \
  "$kernel_source"/{Makefile,Kbuild,scripts,usr,include,arch/arm64,tools}
cross=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-)
make -s -C "$cache/source" "${cross[@]}" headers_install
mkdir -p "$cache/selftest"
make -s -C "$cache/source/tools/testing/selftests/kvm" "${cross[@]}" LDFLAGS=-static \
  KHDR_INCLUDES="-isystem $cache/source/usr/include" OUTPUT="$cache/selftest" "$cache/selftest/kvm_page_table_test"

echo "packing the initrd"
initrd=$cache/initrd
mkdir -p "$initrd"/{bin,lib,usr/bin,usr/lib,proc,sys,dev,tmp,mnt,modules}
cp "$cache/root/bin/busybox" "$cache/selftest/kvm_page_table_test" "$initrd/bin/"
cp "$cache/root/usr/bin"/{perl,trace-cmd} "$initrd/usr/bin/"
for library in "$cache"/root/{lib,usr/lib}/aarch64-linux-gnu; do
  [ -d "$library" ] && for name in libc libm libdl libpthread libcrypt libtrace libzstd traceevent; do
    find "$library" -maxdepth 1 -name "$name*" -exec cp -a {} "$initrd/lib/" \;
  done
done
find "$cache/root" -name 'ld-linux-aarch64.so.1' -exec cp -L {} "$initrd/lib/" \;
# The disk's drivers, where they are modules, each behind those it needs.
release=$(ls "$cache/root/lib/modules" 2>/dev/null || ls "$cache/root/usr/lib/modules")
depmod -b "$cache/root" "$release"
for module in virtio_pci virtio_blk crc32c_generic ext4; do
  modprobe -d "$cache/root" -S "$release" --show-depends "$module" 2>/dev/null || true
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
  name=$(basename "$file")
  case $name in
    *.xz) xz -dc "$file" > "$initrd/modules/${name%.xz}" ;;
    *) cp "$file" "$initrd/modules/" ;;
  esac
  echo "${name%.xz}" >> "$initrd/modules/order"
done
install -m 755 "$here/init" "$initrd/init"
(cd "$initrd" && find . | cpio -o -H newc --quiet | gzip -1) > "$cache/initrd.gz"
cp "$cache"/root/boot/vmlinuz-* "$cache/vmlinuz"
touch "$cache/ready"
