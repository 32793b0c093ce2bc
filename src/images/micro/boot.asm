; The first sector of a micro disk: loads Linux by its 16-bit boot protocol, without menu, file system or delay.
; https://docs.kernel.org/arch/x86/boot.html
;
; The sectors from FIRST_SECTOR on hold, one after the other: the kernel's real-mode part with its header filled in and
; the command line (SETUP_SECTORS), the protected-mode kernel (KERNEL_CHUNKS), the initial RAM disk (INITRD_CHUNKS).
; A chunk is 64 KiB, the most that a BIOS call reads. There is nothing to look up, so this takes half a second under
; emulation, where a general boot loader takes more than three.
;
; Memory: 0x07c00 this code, below it the stack; 0x10000 one chunk; 0x90000 real-mode part, 0x9e000 command line;
; 0x100000 kernel, INITRD_ADDRESS initial RAM disk.

bits 16
org 0x7c00

CHUNK_SECTORS equ 128
BUFFER_SEGMENT equ 0x1000
SETUP_SEGMENT equ 0x9000

start:
        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        sti
        cld
        jmp 0:main                      ; some firmware starts this code at 07c0:0000

main:
        mov [drive], dl
        mov ax, 0x2401                  ; address line 20 on
        int 0x15

        call read_sectors
        mov word [packet.count], CHUNK_SECTORS
        mov word [packet.segment], BUFFER_SEGMENT
        mov edi, 0x100000
        mov cx, KERNEL_CHUNKS
        call load_chunks
        mov edi, INITRD_ADDRESS
        mov cx, INITRD_CHUNKS
        call load_chunks

        cli
        mov ax, SETUP_SEGMENT
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        mov sp, 0xdff0
        jmp SETUP_SEGMENT + 0x20:0

; Copies the next CX chunks of the disk to linear address EDI and following.
load_chunks:
        push cx
        call read_sectors
        cli
        lgdt [gdt.pointer]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, 8                       ; a segment of 4 GiB; its limit stays when protection is off again
        mov ds, bx
        mov es, bx
        and al, 0xfe
        mov cr0, eax
        mov esi, BUFFER_SEGMENT * 16
        mov ecx, CHUNK_SECTORS * 512 / 4
        a32 rep movsd
        xor ax, ax
        mov ds, ax
        mov es, ax
        sti
        pop cx
        loop load_chunks
        ret

; Reads as the packet says, and moves the packet on to what follows. The firmware may change all registers.
read_sectors:
        pushad
        mov si, packet
        mov dl, [drive]
        mov ah, 0x42
        int 0x13
        jc failed
        movzx eax, word [packet.count]
        add [packet.sector], eax
        popad
        ret

failed:
        mov si, message
.next:  lodsb
        test al, al
        jz .halt
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        jmp .next
.halt:  hlt
        jmp .halt

message db 'micro: cannot read the boot disk', 0
drive   db 0

align 4
packet:
        db 16, 0
.count  dw SETUP_SECTORS
        dw 0
.segment dw SETUP_SEGMENT
.sector dd FIRST_SECTOR, 0

align 8
gdt:    dq 0
        dw 0xffff, 0
        db 0, 0x92, 0xcf, 0
.pointer:
        dw $ - gdt - 1
        dd gdt

        times 440 - ($ - $$) db 0       ; the disk's signature and the partition table follow
