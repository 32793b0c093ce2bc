# For a machine that is going to be frozen and copied.

# Brings what every start reads into memory, says that the machine may be frozen, and leaves no file system in arrears.
warm_ready() {
  cat /etc/[a-z]* /usr/lib/micro/* /usr/share/udhcpc/* /usr/bin/bash /usr/bin/sudo /usr/libexec/sudo/* \
    /usr/bin/partx /usr/sbin/resize2fs /usr/lib/x86_64-linux-gnu/lib[a-m]*.so* /usr/lib/x86_64-linux-gnu/libp[ac]*.so* \
    /usr/lib/x86_64-linux-gnu/lib[r-z]*.so* /usr/lib/x86_64-linux-gnu/security/* >/dev/null 2>&1
  dropbearkey -t ed25519 -f /run/warm >/dev/null 2>&1
  rm /run/warm
  bash -c :
  until pidof dropbear && pidof acpid; do usleep 20000; done >/dev/null
  usleep 200000
  : >/var/log/messages
  # What the kernel has to say of the interface is in its log; /usr/lib/micro/late turns its console on again.
  echo 4 >/proc/sys/kernel/printk
  sync
  read -r boot_id </proc/sys/kernel/random/boot_id
  echo "ec2-warm: ready boot_id=$boot_id" >/dev/ttyS0
}
